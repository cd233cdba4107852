using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Crisp.Images.Layers;

/// <summary>
/// Reads a stream on a thread of its own, a little ahead of whoever reads this one: while one core decompresses and hashes a
/// layer, another makes its files. What the stream throws is thrown to the reader once everything before it has been read.
/// </summary>
/// <remarks>Holds 4 buffers of 128 KiB at most. Does not own the inner stream, which is nobody else's until the end of this one.</remarks>
internal sealed class ReadAheadStream : Stream
{
    private const int BufferCount = 4;
    private const int BufferSize = 128 * 1024;
    private readonly Stream _inner;
    private readonly CancellationTokenSource _stop;
    private readonly BlockingCollection<ArraySegment<byte>> _filled = new(BufferCount);
    private readonly Task _reading;
    private ArraySegment<byte> _current = ArraySegment<byte>.Empty;
    private ExceptionDispatchInfo? _failure;

    /// <param name="stop">Cancelled when this is disposed before the end; makes <paramref name="inner"/> stop waiting for bytes.</param>
    internal ReadAheadStream(Stream inner, CancellationTokenSource stop)
    {
        (_inner, _stop) = (inner, stop);
        _reading = Task.Factory.StartNew(ReadAll, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (_current.Count == 0 && !Advance())
        {
            return 0;
        }

        var count = Math.Min(buffer.Length, _current.Count);
        _current.AsSpan(0, count).CopyTo(buffer);
        _current = _current[count..];
        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <summary>Reads whatever is left: then the inner stream has been read to its end, and is the caller's again.</summary>
    internal void Finish()
    {
        while (Advance())
        {
            // What follows the part that mattered belongs to the digest.
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (!_reading.IsCompleted)
            {
                _stop.Cancel();
            }

            _reading.Wait();
            while (Return() && _filled.TryTake(out _current))
            {
                // Every buffer goes back to where it came from.
            }

            _filled.Dispose();
        }

        base.Dispose(disposing);
    }

    private void ReadAll()
    {
        try
        {
            while (true)
            {
                var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
                var count = 0;
                try
                {
                    count = _inner.ReadAtLeast(buffer, BufferSize / 2, throwOnEndOfStream: false);
                    if (count == 0)
                    {
                        return;
                    }

                    _filled.Add(new ArraySegment<byte>(buffer, 0, count), _stop.Token);
                    buffer = null;
                }
                finally
                {
                    if (buffer is not null)
                    {
                        ArrayPool<byte>.Shared.Return(buffer);
                    }
                }
            }
        }
        catch (Exception error)
        {
            // Whatever it is, it is the reader's.
            _failure = ExceptionDispatchInfo.Capture(error);
        }
        finally
        {
            _filled.CompleteAdding();
        }
    }

    private bool Advance()
    {
        Return();
        if (_filled.TryTake(out _current, Timeout.Infinite))
        {
            return true;
        }

        _failure?.Throw();
        return false;
    }

    private bool Return()
    {
        if (_current.Array is { Length: > 0 } used)
        {
            ArrayPool<byte>.Shared.Return(used);
        }

        _current = ArraySegment<byte>.Empty;
        return true;
    }
}
