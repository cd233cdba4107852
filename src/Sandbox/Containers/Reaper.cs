using Crisp.Linux;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Containers;

/// <summary>
/// Sees every child end. Those that were launched are known by their pidfd, which names one process for ever; orphans of
/// containers, which the kernel gives to this process as their subreaper, are swept up after SIGCHLD.
/// </summary>
/// <remarks>
/// The sweep runs on the launching thread, between launches: a child that is neither known nor being launched is an orphan,
/// and no exit of a launch under way can be taken for one. A signal that got lost would only leave a zombie for longer.
/// </remarks>
internal sealed class Reaper(EventLoop loop, Worker launches)
{
    private readonly EventLoop _loop = loop;
    private readonly Lock _gate = new();
    private readonly HashSet<int> _known = [];
    private bool _sweeping;
    private bool _again;

    /// <summary>For the launching thread, right after a launch: this child's end will be watched for.</summary>
    public void Expect(int pid)
    {
        lock (_gate)
        {
            _known.Add(pid);
        }
    }

    /// <summary>Calls <paramref name="ended"/> once the child has ended, and was reaped. It must be expected.</summary>
    /// <param name="pidfd">Stays open until then, and is the caller's to close.</param>
    public void Watch(int pid, FileDescriptor pidfd, Action<ProcessExit> ended) => _ = new Child(this, pid, pidfd, ended);

    /// <summary>SIGCHLD came.</summary>
    public void Sweep()
    {
        // One that has begun may have looked already.
        _again = _sweeping;
        if (!_sweeping)
        {
            _sweeping = true;
            launches.Run(ReapOrphans, EndSweep, e =>
            {
                Diagnostics.Say($"Orphans cannot be reaped: {e.Message}");
                EndSweep();
            });
        }
    }

    private void EndSweep()
    {
        _sweeping = false;
        if (_again)
        {
            Sweep();
        }
    }

    private void ReapOrphans()
    {
        while (Linux.Processes.PeekEnded() is { } exit)
        {
            lock (_gate)
            {
                if (_known.Contains(exit.Pid))
                {
                    // The kernel shows one of the dead at a time. The loop reaps this one, and then calls for the next sweep.
                    return;
                }
            }

            Linux.Processes.WaitPid(exit.Pid);
        }
    }

    private void Reaped(int pid)
    {
        lock (_gate)
        {
            _known.Remove(pid);
        }

        Sweep();
    }

    private sealed class Child : IEventHandler
    {
        private readonly Reaper _reaper;
        private readonly int _pid;
        private readonly FileDescriptor _pidfd;
        private readonly Action<ProcessExit> _ended;
        private readonly Watch _watch;

        internal Child(Reaper reaper, int pid, FileDescriptor pidfd, Action<ProcessExit> ended)
        {
            _reaper = reaper;
            _pid = pid;
            _pidfd = pidfd;
            _ended = ended;
            _watch = reaper._loop.Watch(pidfd, EpollEvents.In, this);
        }

        public void OnReady(EpollEvents events)
        {
            var exit = Linux.Processes.WaitPidfd(_pidfd);
            _watch.Dispose();
            _reaper.Reaped(_pid);
            _ended(exit);
        }
    }
}
