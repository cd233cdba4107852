namespace Crisp.CriServer.Streaming.RemoteCommands;

/// <summary>A version of Kubernetes' remote command protocol (k8s.io/apimachinery, util/remotecommand).</summary>
/// <param name="HasResize">From v3 on.</param>
/// <param name="StatusIsJson">From v4 on; before, a text and only of failures.</param>
/// <param name="HasClose">v5, of WebSocket alone: a channel can be closed.</param>
internal sealed record RemoteProtocol(string Name, bool HasResize, bool StatusIsJson, bool HasClose)
{
    /// <summary>Over SPDY, where streams close by themselves; the best first.</summary>
    public static IReadOnlyList<RemoteProtocol> Spdy { get; } =
    [
        new("v4.channel.k8s.io", HasResize: true, StatusIsJson: true, HasClose: false),
        new("v3.channel.k8s.io", HasResize: true, StatusIsJson: false, HasClose: false),
        new("v2.channel.k8s.io", HasResize: false, StatusIsJson: false, HasClose: false),
        new("channel.k8s.io", HasResize: false, StatusIsJson: false, HasClose: false),
    ];

    public static IReadOnlyList<RemoteProtocol> WebSocket { get; } =
    [
        new("v5.channel.k8s.io", HasResize: true, StatusIsJson: true, HasClose: true),
        new("v4.channel.k8s.io", HasResize: true, StatusIsJson: true, HasClose: false),
    ];
}
