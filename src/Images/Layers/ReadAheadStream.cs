using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Crisp.Images.Archives;

namespace Crisp.Images.Layers;

/// <summary>
/// Reads a stream on a thread of its own, a little ahead of whoever reads this one: while one core decompresses and hashes a
/// layer, another makes its files. What the stream throws is thrown to the reader once everything before it has been read.
/// </summary>
/// <remarks>Holds 4 buffers of 128 KiB at most, and two more in the two threads' hands. Does not own the inner stream, which is nobody else's until the end of this one.</remarks>
internal sealed class ReadAheadStream : ForwardStream
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
                var count = _inner.ReadAtLeast(buffer, BufferSize / 2, throwOnEndOfStream: false);
                if (count == 0)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    return;
                }

                _filled.Add(new ArraySegment<byte>(buffer, 0, count), _stop.Token);
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
        if (_current.Array is { Length: > 0 } used)
        {
            ArrayPool<byte>.Shared.Return(used);
        }

        if (_filled.TryTake(out _current, Timeout.Infinite))
        {
            return true;
        }

        _failure?.Throw();
        return false;
    }
}
