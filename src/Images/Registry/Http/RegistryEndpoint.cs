using System.Net;
using System.Net.Http.Headers;
using Crisp.Images.Registry.Auth;
using Crisp.Images.Registry.Hosts;

namespace Crisp.Images.Registry.Http;

/// <summary>One host, for one repository of one pull.</summary>
internal sealed class RegistryEndpoint : IDisposable
{
    // A token that has just ended, a scope that was too small: beyond that the answer stays no.
    private const int MaxAnswers = 3;
    private readonly RequestSender _sender;
    private readonly Authorizer _authorizer;
    private readonly ImageReference _reference;

    internal RegistryEndpoint(
        RegistryHost host, ImageReference reference, RegistryCredentials? credentials, TokenCache tokens, RegistryOptions options)
    {
        Host = host;
        _reference = reference;
        _sender = new RequestSender(host, options);
        _authorizer = new Authorizer(reference.Repository, IsFor(host, reference, credentials) ? credentials : null, tokens, _sender);
    }

    internal RegistryHost Host { get; }

    /// <summary>scheme://host:port, for messages.</summary>
    internal string Name => _sender.Root.GetLeftPart(UriPartial.Authority);

    /// <summary>Whether there are credentials for this host.</summary>
    internal bool HasCredentials => _authorizer.HasCredentials;

    /// <summary>GET or HEAD of something of the repository.</summary>
    /// <param name="path">manifests/latest, blobs/sha256:HEX.</param>
    /// <param name="subject">Begins the sentence of an error.</param>
    /// <returns>A response of 200 or 206.</returns>
    /// <exception cref="RegistryException">Any other answer, or none.</exception>
    internal async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, Action<HttpRequestHeaders> prepare, string subject, CancellationToken cancellation)
    {
        for (var answers = 0; ; answers++)
        {
            AuthenticationHeaderValue? used = null;
            var response = await _sender.SendAsync(
                () =>
                {
                    var request = new HttpRequestMessage(method, Address(path));
                    prepare(request.Headers);
                    used = request.Headers.Authorization = _authorizer.Header;
                    return request;
                },
                cancellation);
            if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent)
            {
                return response;
            }

            using (response)
            {
                // Only the host itself may ask: whoever it redirected to could name a realm of its own.
                var isAsked = response.StatusCode == HttpStatusCode.Unauthorized && _sender.IsOwn(response.RequestMessage?.RequestUri);
                if (!isAsked || answers == MaxAnswers
                    || !await _authorizer.AnswerAsync(_sender.Root, Challenge.Parse(response.Headers.WwwAuthenticate), used, cancellation))
                {
                    throw await RegistryErrors.FromAsync(response, $"{subject} at {Name}", cancellation);
                }
            }
        }
    }

    public void Dispose() => _sender.Dispose();

    private static bool IsFor(RegistryHost host, ImageReference reference, RegistryCredentials? credentials)
        => credentials is not null
            && (credentials.Server is { } server
                ? DefaultHost.IsSame(server, host.Url.Authority) || (host.IsServer && DefaultHost.IsSame(server, reference.Registry))
                : host.IsServer);

    // containerd's way to tell a mirror of many registries which one is meant.
    private Uri Address(string path)
    {
        var query = Host.IsServer ? "" : $"?ns={Uri.EscapeDataString(_reference.Registry)}";
        return new Uri($"{_sender.Root.AbsoluteUri.TrimEnd('/')}/{_reference.Repository}/{path}{query}");
    }
}
