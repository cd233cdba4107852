using System.Net;
using System.Security.Authentication;
using Crisp.Images.Registry.Hosts;

namespace Crisp.Images.Registry.Http;

/// <summary>
/// Sends requests to one host and follows its redirects. What belongs to the host (Authorization, its configured headers, its
/// client certificate) never leaves for another one (CVE-2020-15157).
/// </summary>
internal sealed class RequestSender : IDisposable
{
    private const int MaxRedirects = 10;
    private readonly RegistryHost _host;
    private readonly RegistryOptions _options;
    private readonly HttpMessageInvoker _own;
    private readonly Lazy<HttpMessageInvoker> _others;
    private volatile bool _isPlain;

    /// <exception cref="ImageException">A certificate's file cannot be used.</exception>
    internal RequestSender(RegistryHost host, RegistryOptions options)
    {
        _host = host;
        _options = options;
        _own = Invoker(withClientCertificates: true);
        _others = new Lazy<HttpMessageInvoker>(() => host.ClientPairs.Count == 0 ? _own : Invoker(withClientCertificates: false));
    }

    /// <summary>The root of the host's API as it is now known to be spoken.</summary>
    internal Uri Root => _isPlain ? new UriBuilder(_host.Url) { Scheme = "http", Port = _host.Url.Port }.Uri : _host.Url;

    /// <summary>Whether a request went to the host itself, not to where it sent us.</summary>
    internal bool IsOwn(Uri? url) => url is not null && IsSameOrigin(url, Root);

    /// <param name="create">Makes the request; called once more when plain HTTP turns out to be spoken.</param>
    /// <returns>The last response, its body not read; its RequestMessage says whose it is.</returns>
    /// <exception cref="RegistryException">Nobody answers.</exception>
    internal async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> create, CancellationToken cancellation)
    {
        using var first = create();
        var isOwn = IsOwn(first.RequestUri);
        try
        {
            return await FollowAsync(first, cancellation);
        }
        catch (HttpRequestException error) when (isOwn && _host.MayBePlain && !_isPlain && IsNoTls(error))
        {
            _isPlain = true;
        }

        using var second = create();
        return await FollowAsync(second, cancellation);
    }

    public void Dispose()
    {
        _own.Dispose();
        if (_others.IsValueCreated)
        {
            _others.Value.Dispose();
        }
    }

    private async Task<HttpResponseMessage> FollowAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        var current = request;
        for (var hops = 0; ; hops++)
        {
            var response = await SendOnceAsync(current, cancellation);
            if (Target(response) is not { } target || request.Method == HttpMethod.Post)
            {
                return response;
            }

            var from = current.RequestUri!;
            response.Dispose();
            if (hops == MaxRedirects)
            {
                throw new RegistryException(ImageError.BadContent, $"{request.RequestUri!.Authority} redirects more than {MaxRedirects} times.");
            }

            if (target.Scheme is not ("http" or "https") || (from.Scheme == "https" && target.Scheme == "http"))
            {
                throw new RegistryException(
                    ImageError.Denied, $"{from.Authority} redirects to {target.Scheme}://{target.Authority}: away from TLS, which is not followed.");
            }

            current = Redirected(current, target);
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        var isOwn = IsOwn(request.RequestUri);
        if (isOwn)
        {
            foreach (var (name, value) in _host.Headers)
            {
                request.Headers.Remove(name);
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        request.Headers.TryAddWithoutValidation("User-Agent", "crisp");
        // Digests are of the bytes as they are stored.
        request.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        var invoker = isOwn ? _own : _others.Value;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(_options.ProgressTimeout);
        try
        {
            return await invoker.SendAsync(request, deadline.Token);
        }
        catch (HttpRequestException error) when (!(isOwn && _host.MayBePlain && !_isPlain && IsNoTls(error)))
        {
            throw RegistryErrors.From(error, request.RequestUri!);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new RegistryException(
                ImageError.RegistryUnavailable, $"{request.RequestUri!.Authority} did not answer within its time.", isTransient: true);
        }
    }

    private static HttpRequestMessage Redirected(HttpRequestMessage from, Uri target)
    {
        var request = new HttpRequestMessage(from.Method == HttpMethod.Head ? HttpMethod.Head : HttpMethod.Get, target);
        var stays = IsSameOrigin(from.RequestUri!, target);
        foreach (var (name, values) in from.Headers.NonValidated)
        {
            // Of the rest of the headers each is added anew where it belongs.
            if (name is "Accept" or "Range" || (stays && name == "Authorization"))
            {
                request.Headers.TryAddWithoutValidation(name, (IEnumerable<string>)values);
            }
        }

        return request;
    }

    private static Uri? Target(HttpResponseMessage response)
        => response.StatusCode is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
                or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect
            && response.Headers.Location is { } location
            && Uri.TryCreate(response.RequestMessage!.RequestUri, location, out var target) ? target : null;

    private static bool IsSameOrigin(Uri one, Uri other)
        => one.Scheme == other.Scheme && one.Port == other.Port && string.Equals(one.Host, other.Host, StringComparison.OrdinalIgnoreCase);

    // A handshake that failed because the other side spoke HTTP. A wrong certificate is not among these: it is not verified.
    private static bool IsNoTls(HttpRequestException error)
        => error.HttpRequestError == HttpRequestError.SecureConnectionError && error.InnerException is AuthenticationException or IOException;

    private HttpMessageInvoker Invoker(bool withClientCertificates)
        => new(RegistryHandlers.Create(_host, _options, withClientCertificates), disposeHandler: true);
}
