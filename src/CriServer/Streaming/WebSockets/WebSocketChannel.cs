using System.IO.Pipelines;

namespace Crisp.CriServer.Streaming.WebSockets;

/// <summary>One channel of a <see cref="WebSocketConnection"/>.</summary>
internal sealed class WebSocketChannel(WebSocketConnection connection, byte number) : ChannelStream
{
    private const int MaxUnread = 64 << 10;
    private readonly Pipe _received = new(new PipeOptions(
        pauseWriterThreshold: MaxUnread, resumeWriterThreshold: MaxUnread / 2, useSynchronizationContext: false));

    private bool _ended;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var result = await _received.Reader.ReadAsync(cancellationToken);
        var count = (int)Math.Min(buffer.Length, result.Buffer.Length);
        var taken = result.Buffer.Slice(0, count);
        var rest = buffer.Span;
        foreach (var piece in taken)
        {
            piece.Span.CopyTo(rest);
            rest = rest[piece.Length..];
        }

        _received.Reader.AdvanceTo(taken.End);
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        => connection.SendAsync(number, buffer, cancellationToken);

    /// <summary>The server's channels end with the connection.</summary>
    public override Task CompleteAsync(CancellationToken cancellation) => Task.CompletedTask;

    public override void IgnoreInput() => _received.Reader.Complete();

    // Both called by the reader of the connection alone.
    internal async ValueTask ReceiveAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        if (!_ended)
        {
            await _received.Writer.WriteAsync(bytes, cancellation);
        }
    }

    internal void ReceiveEnd()
    {
        if (!_ended)
        {
            _ended = true;
            _received.Writer.Complete();
        }
    }
}
