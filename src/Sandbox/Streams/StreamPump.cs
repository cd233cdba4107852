using Crisp.Linux;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Streams;

/// <summary>
/// Moves bytes one way between two descriptors that do not block. What the sink does not take is kept here, and nothing
/// more is read until it has: whoever writes too fast is stopped by its own pipe or socket, and by nobody else's.
/// </summary>
internal sealed class StreamPump : IDisposable
{
    private readonly EventLoop _loop;
    private readonly FileDescriptor _source;
    private readonly FileDescriptor? _sink;
    private readonly Watch _sourceWatch;
    private readonly Watch? _sinkWatch;
    private readonly Action _ended;
    private ReadOnlyMemory<byte> _rest;
    private bool _sourceEnded;
    private bool _disposed;

    /// <param name="source">The watch of a socket that has one already, or null.</param>
    /// <param name="sink">Null throws everything away, so that the source never stops.</param>
    /// <param name="ended">Called once: at the end of the source, when all was written, or when the sink takes no more. Neither descriptor was closed.</param>
    public StreamPump(EventLoop loop, PumpEnd source, PumpEnd? sink, Action ended)
    {
        _loop = loop;
        _source = source.File;
        _sink = sink?.File;
        _ended = ended;
        _sourceWatch = source.WatchBy(loop, new Handler(Read));
        _sinkWatch = sink?.WatchBy(loop, new Handler(Write));
        _sourceWatch.Change(EpollEvents.In);

        // The sink's end is noticed even while nothing is written to it.
        _sinkWatch?.Change(EpollEvents.EdgeTriggered);
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _sourceWatch.Dispose();
            _sinkWatch?.Dispose();
        }
    }

    private void Read(EpollEvents events)
    {
        var count = Files.TryRead(_source, _loop.Scratch, out var errno);
        if (count > 0)
        {
            Take(_loop.Scratch.AsSpan(0, count));
        }
        else if (errno != Errno.EAGAIN)
        {
            // EIO: nobody holds the terminal any more. ECONNRESET: a client left with our bytes unread.
            _sourceEnded = true;
            _sourceWatch.Change(EpollEvents.None);
            EndWhenWritten();
        }
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        if (_sink is null)
        {
            return;
        }

        var count = Files.TryWrite(_sink, bytes, out var errno);
        if (count < 0 && errno != Errno.EAGAIN)
        {
            End();
        }
        else if (count < bytes.Length)
        {
            _rest = bytes[Math.Max(count, 0)..].ToArray();
            _sourceWatch.Change(EpollEvents.None);
            _sinkWatch!.Change(EpollEvents.Out);
        }
    }

    private void Write(EpollEvents events)
    {
        if (_rest.IsEmpty)
        {
            if ((events & (EpollEvents.HangUp | EpollEvents.Error)) != 0)
            {
                End();
            }

            return;
        }

        var count = Files.TryWrite(_sink!, _rest.Span, out var errno);
        if (count < 0)
        {
            if (errno != Errno.EAGAIN)
            {
                End();
            }

            return;
        }

        _rest = _rest[count..];
        if (_rest.IsEmpty)
        {
            _rest = default;
            _sinkWatch!.Change(EpollEvents.EdgeTriggered);
            _sourceWatch.Change(_sourceEnded ? EpollEvents.None : EpollEvents.In);
            EndWhenWritten();
        }
    }

    private void EndWhenWritten()
    {
        if (_sourceEnded && _rest.IsEmpty)
        {
            End();
        }
    }

    private void End()
    {
        if (!_disposed)
        {
            Dispose();
            _ended();
        }
    }

    private sealed class Handler(Action<EpollEvents> action) : IEventHandler
    {
        public void OnReady(EpollEvents events) => action(events);
    }
}

/// <summary>One end of a pump: a descriptor, with its watch where it has one already.</summary>
internal readonly record struct PumpEnd(FileDescriptor File, Watch? Existing = null)
{
    public static PumpEnd Of(Connection connection) => new(connection.Socket, connection.Watch);

    public Watch WatchBy(EventLoop loop, IEventHandler handler)
    {
        if (Existing is null)
        {
            return loop.Watch(File, EpollEvents.None, handler);
        }

        Existing.Handler = handler;
        return Existing;
    }
}
