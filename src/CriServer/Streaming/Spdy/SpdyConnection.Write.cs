using System.Buffers;
using System.Buffers.Binary;

namespace Crisp.CriServer.Streaming.Spdy;

internal sealed partial class SpdyConnection
{
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SpdyHeaderWriter _headerWriter = new();
    private int _connectionUncredited;
    private uint _lastPing;

    /// <summary>Tells the peer that no more streams are taken.</summary>
    public Task SendGoAwayAsync(SpdyGoAway why = SpdyGoAway.Ok)
    {
        var payload = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(payload, _lastPeerStream);
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(4), (uint)why);
        return SendQuietlyAsync(SpdyFrameType.GoAway, payload);
    }

    /// <summary>A ping whose answer nobody waits for: a peer that is gone without a word makes the connection break.</summary>
    public Task SendPingAsync()
    {
        var payload = new byte[4];
        _lastPing = (_lastPing + 2) & SpdyFrame.StreamIdMask;
        BinaryPrimitives.WriteUInt32BigEndian(payload, _options.IsServer ? _lastPing : _lastPing - 1);
        return SendQuietlyAsync(SpdyFrameType.Ping, payload);
    }

    /// <summary>Tells the peer that this side knows windows. Before the first stream.</summary>
    public Task SendSettingsAsync()
    {
        var payload = new byte[12];
        payload[3] = 1;
        payload[7] = 7; // INITIAL_WINDOW_SIZE
        BinaryPrimitives.WriteInt32BigEndian(payload.AsSpan(8), SpdyWindow.Default);
        return SendQuietlyAsync(SpdyFrameType.Settings, payload);
    }

    /// <returns>Bytes sent: fewer when the connection's own window has no room for more.</returns>
    internal async ValueTask<int> SendDataAsync(SpdyStream stream, ReadOnlyMemory<byte> data, SpdyFlags flags, CancellationToken cancellation)
    {
        var count = data.IsEmpty ? 0 : await _credit.TakeAsync(data.Length, cancellation);
        await SendAsync(new SpdyFrame(null, stream.Id, flags, count), data[..count], cancellation);
        return count;
    }

    internal Task SendResetAsync(uint id, SpdyReset reason)
    {
        var payload = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(payload, id);
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(4), (uint)reason);
        return SendQuietlyAsync(SpdyFrameType.RstStream, payload);
    }

    internal Task SendCreditAsync(uint id, int credit)
    {
        var payload = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(payload, id);
        BinaryPrimitives.WriteInt32BigEndian(payload.AsSpan(4), credit);
        return SendQuietlyAsync(SpdyFrameType.WindowUpdate, payload);
    }

    private async Task<SpdyStream> SendOpenAsync(IReadOnlyDictionary<string, string> headers, CancellationToken cancellation)
    {
        // Numbers go out in order, and header blocks in the order in which they were written.
        await _writing.WaitAsync(cancellation);
        try
        {
            var id = _nextStream;
            var stream = TryAdd(id, headers) ?? throw new IOException($"{_options.MaxStreams} streams are open already.");
            _nextStream += 2;
            byte[] payload = [.. new byte[10], .. _headerWriter.Write(headers)];
            BinaryPrimitives.WriteUInt32BigEndian(payload, id);
            await WriteAsync(new SpdyFrame(SpdyFrameType.SynStream, 0, SpdyFlags.None, payload.Length), payload);
            return stream;
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task SendReplyAsync(uint id, CancellationToken cancellation)
    {
        await _writing.WaitAsync(cancellation);
        try
        {
            byte[] payload = [.. new byte[4], .. _headerWriter.Write([])];
            BinaryPrimitives.WriteUInt32BigEndian(payload, id);
            await WriteAsync(new SpdyFrame(SpdyFrameType.SynReply, 0, SpdyFlags.None, payload.Length), payload);
        }
        finally
        {
            _writing.Release();
        }
    }

    // A ping of our own comes back; one of the peer's is sent back.
    private Task AnswerPingAsync(byte[] payload)
        => (ReadId(payload) & 1) == (_nextStream & 1) ? Task.CompletedTask : SendQuietlyAsync(SpdyFrameType.Ping, payload);

    private async ValueTask CreditConnectionAsync(int count)
    {
        _connectionUncredited += count;
        if (_connectionUncredited >= SpdyWindow.Default / 2)
        {
            var credit = _connectionUncredited;
            _connectionUncredited = 0;
            await SendCreditAsync(0, credit);
        }
    }

    /// <summary>What need not arrive where nobody is any more; that the connection is lost is noticed by its reader.</summary>
    private async Task SendQuietlyAsync(SpdyFrameType type, byte[] payload)
    {
        try
        {
            await SendAsync(new SpdyFrame(type, 0, SpdyFlags.None, payload.Length), payload, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            End(new IOException("The connection was lost.", e));
        }
    }

    private async Task SendAsync(SpdyFrame frame, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        await _writing.WaitAsync(cancellation);
        try
        {
            await WriteAsync(frame, payload);
        }
        finally
        {
            _writing.Release();
        }
    }

    // Never cancelled: half a frame would make what follows unreadable. It ends with the transport.
    private async Task WriteAsync(SpdyFrame frame, ReadOnlyMemory<byte> payload)
    {
        if (_ended)
        {
            throw new IOException("The connection has ended.");
        }

        var length = SpdyFrame.HeaderSize + payload.Length;
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            frame.Write(buffer);
            payload.CopyTo(buffer.AsMemory(SpdyFrame.HeaderSize));
            await _transport.WriteAsync(buffer.AsMemory(0, length));
            await _transport.FlushAsync();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
