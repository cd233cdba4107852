using System.Net;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Runtime;

namespace Crisp.CriServer.Streaming;

/// <summary>Gives out URLs for exec, attach and port-forward, and serves whoever comes with one.</summary>
internal sealed partial class StreamingServer(LiveConfig config, Node node, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<StreamingServer> logger)
{
    private readonly StreamTokens _tokens = new(time);
    private readonly StreamSessions _sessions = new();
    private readonly CancellationToken _stopping = lifetime.ApplicationStopping;

    /// <summary>Where the server listens; set before anything is served.</summary>
    public IPEndPoint Address { get; set; } = new(IPAddress.Loopback, 0);

    /// <summary>A URL for this request. Whoever has it may use it: once, within a minute.</summary>
    public string UrlFor(StreamRequest request) => $"http://{Reachable}/{request.Kind}/{_tokens.Add(request)}";

    private StreamingEnvironment NewEnvironment => new(time, config.Current.StreamingIdleTimeout, logger, _stopping);

    // The kubelet is on this node, so that "everywhere" is the loopback too.
    private IPEndPoint Reachable => Address.Address.Equals(IPAddress.Any) ? new IPEndPoint(IPAddress.Loopback, Address.Port)
        : Address.Address.Equals(IPAddress.IPv6Any) ? new IPEndPoint(IPAddress.IPv6Loopback, Address.Port)
        : Address;
}
