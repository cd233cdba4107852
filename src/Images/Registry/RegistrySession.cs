using Crisp.Images.Registry.Auth;
using Crisp.Images.Registry.Hosts;
using Crisp.Images.Registry.Http;
using Polly;

namespace Crisp.Images.Registry;

/// <summary>
/// One pull's talk with the registry and its mirrors. Hosts are asked in order; one that failed is not asked again in this
/// pull, and if all have, the error has all their reasons.
/// </summary>
internal sealed partial class RegistrySession : IDisposable
{
    private readonly ImageReference _reference;
    private readonly RegistryOptions _options;
    private readonly IReadOnlyList<RegistryEndpoint> _endpoints;
    private readonly ResiliencePipeline _once;
    private readonly ResiliencePipeline _patient;
    private readonly Lock _gate = new();
    private readonly Dictionary<RegistryEndpoint, RegistryException> _failed = [];

    internal RegistrySession(
        ImageReference reference,
        IReadOnlyList<RegistryHost> hosts,
        RegistryCredentials? credentials,
        TokenCache tokens,
        RegistryOptions options,
        TimeProvider time)
    {
        _reference = reference;
        _options = options;
        _endpoints = [.. hosts.Select(h => new RegistryEndpoint(h, reference, credentials, tokens, options))];
        _once = Retry.Create(options, 1, time);
        _patient = Retry.Create(options, options.Attempts, time);
    }

    public void Dispose()
    {
        foreach (var endpoint in _endpoints)
        {
            endpoint.Dispose();
        }
    }

    /// <summary>Does it with the first host that can.</summary>
    /// <param name="capability">What the host must be allowed.</param>
    /// <exception cref="ImageException">None can.</exception>
    private async Task<T> WithAnyAsync<T>(
        HostCapabilities capability, string subject, Func<RegistryEndpoint, CancellationToken, Task<T>> act, CancellationToken cancellation)
    {
        var able = _endpoints.Where(e => e.Host.Capabilities.HasFlag(capability)).ToList();
        if (able.Count == 0)
        {
            throw new ImageException(
                ImageError.Configuration, $"{subject}: no host that hosts.toml names for {_reference.Registry} may {Verb(capability)}.");
        }

        foreach (var endpoint in able.Where(e => !HasFailed(e)))
        {
            try
            {
                // Behind a mirror is another host: patience is for the last one.
                var pipeline = ReferenceEquals(endpoint, able[^1]) ? _patient : _once;
                return await pipeline.ExecuteAsync(async token => await act(endpoint, token), cancellation);
            }
            catch (RegistryException error)
            {
                lock (_gate)
                {
                    _failed[endpoint] = error;
                }
            }
        }

        throw Failure(able);
    }

    private bool HasFailed(RegistryEndpoint endpoint)
    {
        lock (_gate)
        {
            return _failed.ContainsKey(endpoint);
        }
    }

    // The registry itself, the last one, decides what kind of failure it is.
    private ImageException Failure(List<RegistryEndpoint> endpoints)
    {
        List<RegistryException> reasons;
        lock (_gate)
        {
            reasons = [.. endpoints.Where(_failed.ContainsKey).Select(e => _failed[e])];
        }

        var message = string.Join(" Before that: ", Enumerable.Reverse(reasons).Select(r => r.Message));
        return new ImageException(reasons[^1].Kind, $"{message}{Advice(reasons[^1].Kind, endpoints[^1])}", reasons[^1]);
    }

    private string Advice(ImageError kind, RegistryEndpoint endpoint) => kind switch
    {
        // Docker Hub says so of images that do not exist, too.
        ImageError.Unauthenticated when endpoint.HasCredentials => " Check the image's name, and the credentials in the pod's imagePullSecrets.",
        ImageError.Unauthenticated => $" Check the image's name; if it is private, give credentials for {_reference.Registry} in the pod's imagePullSecrets.",
        ImageError.Denied => " Check the image's name, and whether these credentials may pull it.",
        ImageError.NotFound => " Check the image's name and tag.",
        ImageError.RateLimited => " Wait, pull with credentials, or name a mirror in hosts.toml.",
        _ => "",
    };

    private static string Verb(HostCapabilities capability) => capability == HostCapabilities.Resolve ? "resolve tags" : "be pulled from";
}
