using System.Net.WebSockets;
using Crisp.CriServer.Streaming.PortForwarding;
using Crisp.CriServer.Streaming.RemoteCommands;
using Crisp.CriServer.Streaming.WebSockets;

namespace Crisp.CriServer.Streaming;

internal sealed partial class StreamingServer
{
    private static readonly TimeSpan _tunnelPatience = TimeSpan.FromSeconds(5);

    private Task ServeWebSocketAsync(HttpContext context, StreamRequest request) => request switch
    {
        RemoteCommandRequest command => ServeWebSocketAsync(context, command),
        PortForwardStreamRequest forward => ServeWebSocketAsync(context, forward),
        _ => throw new InvalidOperationException($"There is no {request.Kind}."),
    };

    private async Task ServeWebSocketAsync(HttpContext context, RemoteCommandRequest request)
    {
        var protocol = WebSocketUpgrade.Negotiate(context, RemoteProtocol.WebSocket, p => p.Name);
        using var socket = await WebSocketUpgrade.AcceptAsync(context, protocol.Name);
        await using var session = new WebSocketSession(
            socket, WebSocketRemoteCommand.Channels, protocol.HasClose, NewEnvironment, context.RequestAborted, _stopping);
        var channels = WebSocketRemoteCommand.Open(session.Connection, protocol, request);
        await RemoteCommandRun.RunAsync(node, request, channels, session.Owner);
        await session.CloseAsync();
    }

    private async Task ServeWebSocketAsync(HttpContext context, PortForwardStreamRequest request)
    {
        string[] known = request.Ports.Count is > 0 and <= WebSocketPortForward.MaxPorts
            ? [WebSocketPortForward.TunnelProtocol, WebSocketPortForward.ChannelProtocol]
            : [WebSocketPortForward.TunnelProtocol];
        var protocol = WebSocketUpgrade.Negotiate(context, known, p => p);
        using var socket = await WebSocketUpgrade.AcceptAsync(context, protocol);
        if (protocol == WebSocketPortForward.TunnelProtocol)
        {
            await using var transport = WebSocketStream.Create(socket, WebSocketMessageType.Binary, _tunnelPatience);
            await ForwardAsync(transport, context, request);
            return;
        }

        await using var session = new WebSocketSession(
            socket, 2 * request.Ports.Count, hasClose: false, NewEnvironment, context.RequestAborted, _stopping);
        await WebSocketPortForward.RunAsync(node, request, session);
        await session.CloseAsync();
    }
}
