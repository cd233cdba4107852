using System.Buffers;
using System.Net.WebSockets;

namespace Crisp.CriServer.Streaming.WebSockets;

/// <summary>
/// Channels over one WebSocket, as Kubernetes has them (k8s.io/streaming, wsstream): the first byte of each message is the
/// channel's number. There are no windows, so that a channel that nobody reads holds up the others.
/// </summary>
/// <param name="hasClose">v5.channel.k8s.io: the message 255, N ends channel N.</param>
internal sealed class WebSocketConnection(WebSocket socket, int channels, bool hasClose, Action received) : IDisposable
{
    private const byte CloseChannel = 255;
    private static readonly TimeSpan _closePatience = TimeSpan.FromSeconds(5);
    private readonly SemaphoreSlim _writing = new(1, 1);
    private WebSocketChannel[]? _channels;

    public WebSocketChannel this[int number] => All[number];

    private WebSocketChannel[] All => _channels ??= [.. Enumerable.Range(0, channels).Select(n => new WebSocketChannel(this, (byte)n))];

    /// <summary>Reads until the client closes. All channels have ended then.</summary>
    /// <exception cref="WebSocketException">The connection broke, or the client broke the protocol.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        // Before anybody asks for one from another thread.
        var all = All;
        try
        {
            while (await ReceiveMessageAsync(all, cancellation))
            {
                received();
            }
        }
        finally
        {
            foreach (var channel in all)
            {
                channel.ReceiveEnd();
            }
        }
    }

    /// <summary>Says goodbye; the reader then waits for the client's.</summary>
    public async Task CloseAsync()
    {
        await _writing.WaitAsync(_closePatience);
        try
        {
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                using var deadline = new CancellationTokenSource(_closePatience);
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", deadline.Token);
            }
        }
        finally
        {
            _writing.Release();
        }
    }

    public void Dispose() => _writing.Dispose();

    internal async ValueTask SendAsync(byte channel, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        var message = ArrayPool<byte>.Shared.Rent(bytes.Length + 1);
        await _writing.WaitAsync(cancellation);
        try
        {
            message[0] = channel;
            bytes.CopyTo(message.AsMemory(1));

            // Not cancelled, since half a message would make what follows unreadable: it ends with the connection.
            await socket.SendAsync(message.AsMemory(0, bytes.Length + 1), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        }
        catch (WebSocketException e)
        {
            throw new IOException("The client is gone.", e);
        }
        finally
        {
            _writing.Release();
            ArrayPool<byte>.Shared.Return(message);
        }
    }

    private async Task<bool> ReceiveMessageAsync(WebSocketChannel[] all, CancellationToken cancellation)
    {
        // Waits without a buffer.
        var result = await socket.ReceiveAsync(Memory<byte>.Empty, cancellation);
        var buffer = ArrayPool<byte>.Shared.Rent(16 << 10);
        try
        {
            int? number = null;
            while (result.MessageType != WebSocketMessageType.Close && !(number is null && result.EndOfMessage))
            {
                result = await socket.ReceiveAsync(buffer.AsMemory(), cancellation);
                var bytes = buffer.AsMemory(0, result.Count);
                if (number is null && result.Count > 0)
                {
                    number = bytes.Span[0];
                    bytes = bytes[1..];
                }

                await DeliverAsync(all, number, bytes, cancellation);
                if (result.EndOfMessage)
                {
                    break;
                }
            }

            return result.MessageType != WebSocketMessageType.Close;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask DeliverAsync(WebSocketChannel[] all, int? number, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        if (number == CloseChannel && hasClose)
        {
            if (bytes.Length == 1 && bytes.Span[0] < all.Length)
            {
                all[bytes.Span[0]].ReceiveEnd();
            }
        }
        else if (number < all.Length && !bytes.IsEmpty)
        {
            await all[number.Value].ReceiveAsync(bytes, cancellation);
        }
    }
}
