namespace Crisp.Kvm.Vcpus;

/// <summary>Whether a machine's processors may run, and how it ended.</summary>
/// <remarks>
/// <code>
/// Ready ──Start──► Running ◄──Resume── Paused
///                    │  └─────Pause──────▲
///                    └──End──► Ended ◄───┘
/// </code>
/// A processor that is told to stop is kicked out of the guest, finds out here, and waits here.
/// </remarks>
internal sealed class RunControl(int processors, Action kick)
{
    private readonly object _lock = new();
    private RunState _state;
    private int _live = processors;
    private int _parked;
    private VmEnd? _end;

    internal RunState State
    {
        get
        {
            lock (_lock)
            {
                return _state;
            }
        }
    }

    internal VmEnd? Outcome
    {
        get
        {
            lock (_lock)
            {
                return _end;
            }
        }
    }

    internal void Start() => Change(RunState.Ready, RunState.Running);

    /// <summary>Returns when no processor is in the guest or in a device.</summary>
    /// <returns>False when the machine was not running.</returns>
    internal bool Pause()
    {
        lock (_lock)
        {
            if (!Change(RunState.Running, RunState.Paused))
            {
                return false;
            }

            kick();
            while (_state == RunState.Paused && _parked < _live)
            {
                Monitor.Wait(_lock);
            }

            return _state == RunState.Paused;
        }
    }

    /// <returns>False when the machine was not paused.</returns>
    internal bool Resume() => Change(RunState.Paused, RunState.Running);

    /// <summary>The first end counts; later ones change nothing.</summary>
    internal void End(VmEnd end)
    {
        lock (_lock)
        {
            if (_end is null)
            {
                _end = end;
                _state = RunState.Ended;
                kick();
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>Waits for the machine's end.</summary>
    /// <returns>Null when the time is over.</returns>
    internal VmEnd? WaitForEnd(TimeSpan timeout)
    {
        var deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        lock (_lock)
        {
            while (_end is null)
            {
                var left = timeout == Timeout.InfiniteTimeSpan ? Timeout.Infinite : (int)Math.Clamp(deadline - Environment.TickCount64, 0, int.MaxValue);
                if (left == 0 || !Monitor.Wait(_lock, left))
                {
                    return _end;
                }
            }

            return _end;
        }
    }

    /// <summary>Called by a processor before it enters the guest; waits while the machine is paused or not started.</summary>
    /// <returns>False when the machine has ended.</returns>
    internal bool MayRun()
    {
        lock (_lock)
        {
            while (_state is RunState.Ready or RunState.Paused)
            {
                _parked++;
                Monitor.PulseAll(_lock);
                Monitor.Wait(_lock);
                _parked--;
            }

            return _state == RunState.Running;
        }
    }

    /// <summary>A processor will never run again. When it is the last, the machine has halted.</summary>
    internal void Halted()
    {
        lock (_lock)
        {
            _live--;
            Monitor.PulseAll(_lock);
            if (_live == 0)
            {
                End(new VmEnd(VmOutcome.Halted, "Every processor has halted."));
            }
        }
    }

    private bool Change(RunState from, RunState to)
    {
        lock (_lock)
        {
            if (_state != from)
            {
                return false;
            }

            _state = to;
            Monitor.PulseAll(_lock);
            return true;
        }
    }
}

/// <summary>Of a machine.</summary>
internal enum RunState
{
    Ready,
    Running,
    Paused,
    Ended,
}
