using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Logs;

/// <summary>
/// Carries a container's output to its log, on a thread of its own: write(2) to a disk is the one call here that may take any
/// time and cannot be told not to, so that no other container's output may depend on it. A log that cannot be written is
/// tried again and again; meanwhile the pipe fills, and the container waits as it would for a slow terminal.
/// </summary>
internal sealed partial class LogPump : IDisposable
{
    private const int StackSize = 128 << 10;
    private const ulong WakeData = ulong.MaxValue;
    private static readonly TimeSpan _shortestPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(1);
    private readonly Lock _gate = new();
    private readonly LogWriter _writer;
    private readonly LogSource[] _sources;
    private readonly Epoll _epoll = new();
    private readonly EventFd _wake = new();
    private readonly List<Action<Exception?>> _reopen = [];
    private Action? _drained;
    private Action? _awaited;
    private TimeSpan _pause = _shortestPause;
    private bool _abandoned;
    private bool _ended;

    /// <param name="sources">They, and the writer, are the pump's to close.</param>
    public LogPump(LogWriter writer, params LogSource[] sources)
    {
        _writer = writer;
        _sources = sources;
        _epoll.Add(_wake.Descriptor, EpollEvents.In, WakeData);
        for (var i = 0; i < sources.Length; i++)
        {
            _epoll.Add(sources[i].File, EpollEvents.In, (ulong)i);
        }

        new Thread(Run, StackSize) { IsBackground = true, Name = "log" }.Start();
    }

    /// <summary>Calls back, on the pump's thread, once every following line goes to a new file, or with why that cannot be.</summary>
    public void Reopen(Action<Exception?> done)
    {
        lock (_gate)
        {
            if (!_ended)
            {
                _reopen.Add(done);
                _wake.Signal();
                return;
            }
        }

        done(Closed());
    }

    /// <summary>
    /// The container's processes are dead: what they have written is written to the log, and the pump ends. Somebody else who
    /// holds the pipe is not waited for.
    /// </summary>
    /// <param name="done">Called on the pump's thread.</param>
    public void Drain(Action done)
    {
        lock (_gate)
        {
            if (!_ended)
            {
                _drained += done;
                _wake.Signal();
                return;
            }
        }

        done();
    }

    /// <summary>Calls back, on the pump's thread, once every source has ended: whoever else held one is gone.</summary>
    public void AwaitEnd(Action ended)
    {
        lock (_gate)
        {
            if (!_ended)
            {
                _awaited += ended;
                _wake.Signal();
                return;
            }
        }

        ended();
    }

    /// <summary>Nobody wants the log any more: ends the pump even if it could not be written.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_ended)
            {
                _abandoned = true;
                _wake.Signal();
            }
        }
    }

    private void Run()
    {
        try
        {
            while (Step())
            {
            }
        }
        catch (Exception e)
        {
            Diagnostics.Say($"A log ends early: {e}");
        }

        End();
    }

    /// <returns>False when there is nothing more to do.</returns>
    private bool Step()
    {
        var (reopen, drain) = TakeCommands();
        if (!WriteEntries())
        {
            // What a full disk holds back goes to the new file.
            Reopen(reopen);
            Poll.WaitReadable(_wake.Descriptor, _pause);
            _pause = _pause * 2 < _longestPause ? _pause * 2 : _longestPause;
            return !_abandoned;
        }

        _pause = _shortestPause;
        Reopen(reopen);
        TellOfEnd();
        if (drain && ReadRest())
        {
            return false;
        }

        if (!drain)
        {
            Rest();
            WaitAndRead();
        }

        return !_abandoned;
    }

    private (List<Action<Exception?>> Reopen, bool Drain) TakeCommands()
    {
        _wake.Drain();
        lock (_gate)
        {
            // Never the list itself: others add to it as soon as the gate is open.
            List<Action<Exception?>> reopen = [.. _reopen];
            _reopen.Clear();
            TakeSubscribers();
            return (reopen, _drained is not null);
        }
    }

    private void TellOfEnd()
    {
        Action? awaited;
        lock (_gate)
        {
            if (!Array.TrueForAll(_sources, static s => s.HasEnded))
            {
                return;
            }

            (awaited, _awaited) = (_awaited, null);
        }

        awaited?.Invoke();
    }

    private void Reopen(List<Action<Exception?>> callers)
    {
        if (callers.Count == 0)
        {
            return;
        }

        Exception? error = null;
        try
        {
            _writer.Reopen();
        }
        catch (Exception e) when (e is LinuxException or SandboxException)
        {
            error = e;
        }

        foreach (var done in callers)
        {
            done(error);
        }
    }

    /// <summary>Writes every whole entry that was read, and of a stream that has ended the rest too.</summary>
    private bool WriteEntries()
    {
        foreach (var source in _sources)
        {
            while (source.Lines.TryPeek(out var line, out var isFull))
            {
                if (!Add(source, line, isFull))
                {
                    return false;
                }
            }

            if (source.HasEnded && source.Lines.TryPeekRest(out var rest) && !Add(source, rest, isFull: false))
            {
                return false;
            }
        }

        return _writer.TryFlush();
    }

    private bool Add(LogSource source, ReadOnlySpan<byte> line, bool isFull)
    {
        while (!_writer.TryAdd(source.Name, line, isFull))
        {
            if (!_writer.TryFlush())
            {
                return false;
            }
        }

        source.Lines.Take();
        return true;
    }

    private void WaitAndRead()
    {
        Span<EpollReport> reports = stackalloc EpollReport[4];
        var count = _epoll.Wait(reports, -1);
        foreach (var report in reports[..count])
        {
            if (report.Data != WakeData)
            {
                var source = _sources[report.Data];
                Read(source);
                if (source.HasEnded)
                {
                    _epoll.Remove(source.File);
                }
            }
        }
    }

    /// <returns>True when everything that the dead have written is in the log.</returns>
    private bool ReadRest()
    {
        foreach (var source in _sources)
        {
            for (var left = source.HasEnded ? 0 : source.BytesLeft(); left > 0 && !source.HasEnded;)
            {
                var count = Read(source);
                if (!WriteEntries())
                {
                    return false;
                }

                // What is there is there, since its writers are dead; a stranger who holds the pipe is not waited for.
                left = count == 0 ? 0 : left - count;
            }
        }

        foreach (var source in _sources)
        {
            source.End();
        }

        return WriteEntries();
    }

    private void Rest()
    {
        _writer.Rest();
        foreach (var source in _sources)
        {
            source.Lines.Rest();
        }
    }

    private void End()
    {
        Action? drained;
        List<Action<Exception?>> reopen;
        lock (_gate)
        {
            _ended = true;
            (drained, reopen) = (_awaited + _drained, _reopen);
            TakeSubscribers();
        }

        EndSubscribers();

        foreach (var source in _sources)
        {
            source.Dispose();
        }

        _writer.Dispose();
        _epoll.Dispose();
        _wake.Dispose();
        foreach (var done in reopen)
        {
            done(Closed());
        }

        drained?.Invoke();
    }

    // Whoever has moved the file away moves it back then.
    private static SandboxException Closed() => new(RpcCode.FailedPrecondition, "The container has ended, and its log is closed.");
}
