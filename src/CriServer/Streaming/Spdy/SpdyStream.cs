using System.IO.Pipelines;

namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>One stream of a <see cref="SpdyConnection"/>.</summary>
internal sealed class SpdyStream : ChannelStream
{
    /// <summary>Bytes of one data frame that is sent.</summary>
    public const int MaxFrame = 16 << 10;

    private const int CreditStep = SpdyWindow.Default / 2;
    private readonly SpdyConnection _connection;

    // A full window still fits: only a peer that sends without credit makes the connection's reader wait.
    private readonly Pipe _received = new(new PipeOptions(
        pauseWriterThreshold: SpdyWindow.Default + 1, resumeWriterThreshold: SpdyWindow.Default / 2, useSynchronizationContext: false));

    private readonly TaskCompletionSource _replied = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _reset = new();
    private long _unread;
    private int _uncredited;
    private int _sides;
    private bool _outputEnded;
    private bool _failed;
    private volatile bool _inputEnded;
    private volatile Exception? _failure;

    internal SpdyStream(SpdyConnection connection, uint id, IReadOnlyDictionary<string, string> headers, int sendWindow)
    {
        _connection = connection;
        Id = id;
        Headers = headers;
        Credit = new SpdyWindow(sendWindow);
        Reset = _reset.Token;
    }

    public uint Id { get; }

    /// <summary>With which it was opened; names in lower case.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; }

    /// <summary>Cancelled when the peer has reset the stream, or the connection has ended.</summary>
    public CancellationToken Reset { get; }

    /// <summary>Completes when the peer has accepted a stream of ours.</summary>
    internal Task Replied => _replied.Task;

    internal SpdyWindow Credit { get; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var result = _failure is null ? await _received.Reader.ReadAsync(cancellationToken) : default;
        if (_failure is { } failure)
        {
            throw new IOException(failure.Message, failure);
        }

        var count = (int)Math.Min(buffer.Length, result.Buffer.Length);
        var taken = result.Buffer.Slice(0, count);
        var rest = buffer.Span;
        foreach (var piece in taken)
        {
            piece.Span.CopyTo(rest);
            rest = rest[piece.Length..];
        }

        _received.Reader.AdvanceTo(taken.End);
        await CreditAsync(count);
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            var count = await Credit.TakeAsync(Math.Min(buffer.Length, MaxFrame), cancellationToken);
            var sent = await _connection.SendDataAsync(this, buffer[..count], SpdyFlags.None, cancellationToken);
            Credit.Add(count - sent);
            buffer = buffer[sent..];
        }
    }

    public override async Task CompleteAsync(CancellationToken cancellation)
    {
        if (!Reset.IsCancellationRequested && !Interlocked.Exchange(ref _outputEnded, true))
        {
            await _connection.SendDataAsync(this, ReadOnlyMemory<byte>.Empty, SpdyFlags.Fin, cancellation);
            EndSide();
        }
    }

    /// <summary>Both directions end at once. One that has ended, or was reset, is left alone.</summary>
    public Task AbortAsync(SpdyReset reason)
    {
        if (Reset.IsCancellationRequested || Volatile.Read(ref _sides) >= 2)
        {
            return Task.CompletedTask;
        }

        _connection.Forget(this);
        Fail(new IOException("The stream was reset."));
        return _connection.SendResetAsync(Id, reason);
    }

    public override void IgnoreInput() => _received.Reader.Complete();

    internal void AcceptReply() => _replied.TrySetResult();

    /// <summary>Part of a data frame. Waits while the window is full, for peers that send without credit.</summary>
    /// <returns>False when a peer that knows windows has overrun this one.</returns>
    internal async ValueTask<bool> ReceiveAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        if (_inputEnded)
        {
            // What comes after its end is nobody's.
            return true;
        }

        if (Interlocked.Add(ref _unread, bytes.Length) > SpdyWindow.Default && _connection.PeerGivesCredit)
        {
            return false;
        }

        var result = await _received.Writer.WriteAsync(bytes, cancellation);
        if (result.IsCompleted || result.IsCanceled)
        {
            // Nobody reads; what is thrown away is credited all the same, so that the peer is never stuck.
            await CreditAsync(bytes.Length);
        }

        return true;
    }

    /// <summary>The peer sends no more.</summary>
    internal void ReceiveEnd()
    {
        if (!_inputEnded)
        {
            _inputEnded = true;
            _received.Writer.Complete();
            EndSide();
        }
    }

    /// <summary>
    /// The peer has reset the stream, or is gone. What it had sent to its end can still be read; what it had not is lost.
    /// </summary>
    internal void Fail(Exception why)
    {
        if (Interlocked.Exchange(ref _failed, true))
        {
            return;
        }

        if (!_inputEnded)
        {
            _failure = why;
            _received.Writer.CancelPendingFlush();
            _received.Reader.CancelPendingRead();
        }

        Credit.End();
        _replied.TrySetException(why);

        // A reply that nobody waits for is no error of anybody's.
        _ = _replied.Task.Exception;
        _reset.Cancel();
    }

    private async ValueTask CreditAsync(int count)
    {
        Interlocked.Add(ref _unread, -count);
        if (Interlocked.Add(ref _uncredited, count) >= CreditStep && Interlocked.Exchange(ref _uncredited, 0) is > 0 and var credit)
        {
            await _connection.SendCreditAsync(Id, credit);
        }
    }

    private void EndSide()
    {
        if (Interlocked.Increment(ref _sides) == 2)
        {
            _connection.Forget(this);
        }
    }
}
