using Crisp.Linux;

namespace Crisp.Sandbox.Server;

/// <summary>Told by the loop that a descriptor is ready. Called on the loop's thread, one at a time.</summary>
internal interface IEventHandler
{
    public void OnReady(EpollEvents events);
}

/// <summary>
/// The one thread that owns the pod's state: it waits in epoll(7) for connections, pipes, ends of processes and timers. What
/// may block is done by a <see cref="Worker"/>, which posts its result here; so no state needs a lock.
/// </summary>
internal sealed class EventLoop : IDisposable
{
    private const int ScratchSize = 16 << 10;
    private readonly Epoll _epoll = new();
    private readonly EventFd _wake = new();
    private readonly Lock _gate = new();
    private readonly List<Watch?> _watches = [null];
    private readonly List<LoopTimer> _timers = [];
    private readonly HeapTrim _heap = new();
    private List<Action> _posted = [];
    private List<Action> _taken = [];
    private uint _generation;
    private bool _stopped;

    public EventLoop()
    {
        // Slot 0 is the loop's own, so that a posted action wakes it.
        _epoll.Add(_wake.Descriptor, EpollEvents.In, 0);
    }

    /// <summary>Room for one read, shared by all that run on this thread: its content means nothing after the handler returns.</summary>
    public byte[] Scratch { get; } = new byte[ScratchSize];

    /// <summary>Watches a descriptor until the watch is disposed, which must happen before the descriptor is closed.</summary>
    public Watch Watch(FileDescriptor file, EpollEvents events, IEventHandler handler)
    {
        var slot = _watches.IndexOf(null, 1);
        if (slot < 0)
        {
            slot = _watches.Count;
            _watches.Add(null);
        }

        var watch = new Watch(this, file, handler, slot, ++_generation);
        watch.Change(events);
        _watches[slot] = watch;
        return watch;
    }

    /// <summary>Runs an action on the loop's thread, after those posted before. For any thread.</summary>
    public void Post(Action action)
    {
        lock (_gate)
        {
            _posted.Add(action);
        }

        _wake.Signal();
    }

    /// <summary>Runs an action once, on the loop's thread.</summary>
    public LoopTimer After(TimeSpan delay, Action action)
    {
        var timer = new LoopTimer(Environment.TickCount64 + (long)Math.Ceiling(delay.TotalMilliseconds), action);
        _timers.Add(timer);
        return timer;
    }

    /// <summary>Serves until <see cref="Stop"/>.</summary>
    public void Run()
    {
        Span<EpollReport> reports = new EpollReport[32];
        while (!_stopped)
        {
            var count = _epoll.Wait(reports, UntilNextTimer());
            for (var i = 0; i < count && !_stopped; i++)
            {
                Deliver(reports[i]);
            }

            RunTimers();
            _heap.AfterWork();
        }
    }

    /// <summary>Ends <see cref="Run"/> after the handler that calls it.</summary>
    public void Stop() => _stopped = true;

    public void Dispose()
    {
        _epoll.Dispose();
        _wake.Dispose();
    }

    internal void Set(Watch watch, EpollEvents before, EpollEvents after)
    {
        var data = watch.Generation << 32 | (uint)watch.Slot;
        if (before == EpollEvents.None)
        {
            _epoll.Add(watch.File, after, data);
        }
        else if (after == EpollEvents.None)
        {
            _epoll.Remove(watch.File);
        }
        else
        {
            _epoll.Modify(watch.File, after, data);
        }
    }

    internal void Forget(Watch watch) => _watches[watch.Slot] = null;

    private void Deliver(EpollReport report)
    {
        var slot = (int)(uint)report.Data;
        if (slot == 0)
        {
            RunPosted();
        }
        else if (_watches[slot] is { } watch && watch.Generation == report.Data >> 32)
        {
            // A report of the same batch may be of a watch that an earlier handler has ended: its generation tells.
            Guard(watch.Handler.OnReady, report.Events);
        }
    }

    private void RunPosted()
    {
        _wake.Drain();
        lock (_gate)
        {
            (_posted, _taken) = (_taken, _posted);
        }

        foreach (var action in _taken)
        {
            Guard(static a => a(), action);
        }

        _taken.Clear();
    }

    private int UntilNextTimer()
    {
        var next = long.MaxValue;
        foreach (var timer in _timers)
        {
            next = Math.Min(next, timer.Due);
        }

        return next == long.MaxValue ? -1 : (int)Math.Clamp(next - Environment.TickCount64, 0, int.MaxValue);
    }

    private void RunTimers()
    {
        var now = Environment.TickCount64;
        for (var i = 0; i < _timers.Count && !_stopped;)
        {
            var timer = _timers[i];
            if (timer.Due > now && !timer.IsCancelled)
            {
                i++;
                continue;
            }

            // Out of the list first: the action may set other timers.
            _timers.RemoveAt(i);
            if (!timer.IsCancelled)
            {
                Guard(static t => t.Action(), timer);
            }
        }
    }

    // One broken handler must not end the pod. It is a fault of this program, so it is told with its place.
    private static void Guard<T>(Action<T> handler, T argument)
    {
        try
        {
            handler(argument);
        }
        catch (Exception e)
        {
            Diagnostics.Say($"A handler failed: {e}");
        }
    }
}
