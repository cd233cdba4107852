using System.Net.Sockets;
using Crisp.Sandbox.Client;

namespace Crisp.CriServer.Streaming.PortForwarding;

/// <summary>A connection to a port of a pod. Disposing it closes both directions.</summary>
internal sealed class PodConnection : IAsyncDisposable
{
    private readonly Action _endInput;

    /// <param name="socket">Connected; closed with this.</param>
    public PodConnection(Socket socket)
    {
        Output = Input = new NetworkStream(socket, ownsSocket: true);
        _endInput = () => socket.Shutdown(SocketShutdown.Send);
    }

    /// <param name="streams">Of a Dial; closed with this.</param>
    public PodConnection(ProcessStreams streams)
    {
        (Output, Input) = (streams.Stdout!, streams.Stdin!);
        _endInput = Input.Dispose;
    }

    /// <summary>What comes from the pod.</summary>
    public Stream Output { get; }

    /// <summary>What goes there.</summary>
    public Stream Input { get; }

    /// <summary>Nothing more goes there; what it has to say may still come.</summary>
    /// <exception cref="SocketException">The pod has closed the connection.</exception>
    public void EndInput() => _endInput();

    public async ValueTask DisposeAsync()
    {
        await Input.DisposeAsync();
        await Output.DisposeAsync();
    }
}
