using Crisp.Linux;

namespace Crisp.Sandbox.Server;

/// <summary>A descriptor in the loop's epoll set.</summary>
internal sealed class Watch(EventLoop loop, FileDescriptor file, IEventHandler handler, int slot, ulong generation) : IDisposable
{
    private EpollEvents _events;
    private bool _disposed;

    public FileDescriptor File { get; } = file;

    /// <summary>Who is told; may change as what is known of a connection changes.</summary>
    public IEventHandler Handler { get; set; } = handler;

    internal int Slot { get; } = slot;

    internal ulong Generation { get; } = generation;

    /// <param name="events">
    /// None takes the descriptor out of the set, since epoll would report ERR and HUP all the same, again and again.
    /// EdgeTriggered alone waits for just these two, once.
    /// </param>
    public void Change(EpollEvents events)
    {
        if (_disposed || events == _events)
        {
            return;
        }

        loop.Set(this, _events, events);
        _events = events;
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            Change(EpollEvents.None);
            _disposed = true;
            loop.Forget(this);
        }
    }
}

/// <summary>An action that the loop runs when its time has come.</summary>
internal sealed class LoopTimer(long due, Action action)
{
    /// <summary>In milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    internal long Due { get; } = due;

    internal Action Action { get; } = action;

    internal bool IsCancelled { get; private set; }

    public void Cancel() => IsCancelled = true;
}
