using Crisp.CriServer.Streaming.RemoteCommands;

namespace Crisp.CriServer.Streaming.WebSockets;

/// <summary>The channels of an exec or attach over a WebSocket: 0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize.</summary>
internal static class WebSocketRemoteCommand
{
    public const int Channels = 5;

    private const int Stdin = 0;
    private const int Stdout = 1;
    private const int Stderr = 2;
    private const int Error = 3;
    private const int Resize = 4;

    public static RemoteChannels Open(WebSocketConnection connection, RemoteProtocol protocol, RemoteCommandRequest request)
    {
        foreach (var output in (int[])[Stdout, Stderr, Error])
        {
            connection[output].IgnoreInput();
        }

        return new RemoteChannels
        {
            Stdin = Take(connection, Stdin, request.Stdin),
            Stdout = Take(connection, Stdout, request.Stdout),
            Stderr = Take(connection, Stderr, request.Stderr),
            Resize = Take(connection, Resize, request.Terminal && protocol.HasResize),
            Error = connection[Error],
            StatusIsJson = protocol.StatusIsJson,
        };
    }

    private static WebSocketChannel? Take(WebSocketConnection connection, int number, bool wanted)
    {
        if (!wanted)
        {
            // Output channels have been told already.
            if (number is Stdin or Resize)
            {
                connection[number].IgnoreInput();
            }

            return null;
        }

        return connection[number];
    }
}
