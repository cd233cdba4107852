using System.Buffers.Binary;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.Streaming.WebSockets;

namespace Crisp.CriServer.Streaming.PortForwarding;

/// <summary>
/// Port-forward over channels of a WebSocket (v4.channel.k8s.io): one connection for each port of the request, channel 2n for
/// its data and 2n + 1 for its error. Both begin with the port's number, two bytes, little-endian.
/// </summary>
internal static class WebSocketPortForward
{
    /// <summary>SPDY within the binary messages of a WebSocket, as kubectl and critest have it.</summary>
    public const string TunnelProtocol = "SPDY/3.1+portforward.k8s.io";

    public const string ChannelProtocol = "v4.channel.k8s.io";

    /// <summary>A channel's number is one byte, and 255 has a meaning of its own elsewhere.</summary>
    public const int MaxPorts = 127;

    /// <summary>Until all connections have ended.</summary>
    public static Task RunAsync(Node node, PortForwardStreamRequest request, WebSocketSession session)
        => Task.WhenAll(request.Ports.Select((port, i) => ForwardAsync(node, request.SandboxId, port, session, 2 * i)));

    private static async Task ForwardAsync(Node node, string sandboxId, int port, WebSocketSession session, int channel)
    {
        var (data, error) = (session.Connection[channel], session.Connection[channel + 1]);
        var number = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(number, (ushort)port);
        await data.WriteAsync(number, session.Owner.Token);
        await error.WriteAsync(number, session.Owner.Token);
        await new ForwardedConnection(data, error, session.Owner.Touch).RunAsync(node, sandboxId, port, session.Owner.Token);
    }
}
