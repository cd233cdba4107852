using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Containers;

/// <summary>
/// Killing and removing cgroups takes as long as the kernel likes. So each is a row of short tries on the worker, with timers
/// between them: a process that waits uninterruptibly holds up nobody but whoever waits for its end.
/// </summary>
internal sealed class CgroupEnd
{
    private const int LongestPause = 64;
    private readonly EventLoop _loop;
    private readonly Worker _worker;
    private readonly Func<bool> _try;
    private readonly Action<bool> _done;
    private readonly Action<Exception> _failed;
    private readonly long _deadline;
    private int _pause = 1;

    private CgroupEnd(NamespacePod pod, Func<bool> attempt, TimeSpan patience, Action<bool> done, Action<Exception> failed)
    {
        (_loop, _worker, _try, _done, _failed) = (pod.Loop, pod.Ends, attempt, done, failed);
        _deadline = Environment.TickCount64 + (long)patience.TotalMilliseconds;
    }

    /// <summary>SIGKILL for every process of a cgroup, until none is left.</summary>
    /// <param name="done">Called with false when some are left after the time.</param>
    public static void Kill(NamespacePod pod, ICgroup cgroup, TimeSpan patience, Action<bool> done, Action<Exception> failed)
        => new CgroupEnd(pod, () => cgroup.Kill(TimeSpan.Zero), patience, done, failed).Run();

    /// <summary>Removes an empty cgroup and those below it.</summary>
    /// <param name="failed">Called with the reason when it cannot be removed within the time.</param>
    public static void Remove(NamespacePod pod, ICgroup cgroup, TimeSpan patience, Action done, Action<Exception> failed)
    {
        Exception? last = null;
        new CgroupEnd(pod, () => TryRemove(cgroup, out last), patience, removed =>
        {
            if (removed)
            {
                done();
            }
            else
            {
                failed(last!);
            }
        }, failed).Run();
    }

    private static bool TryRemove(ICgroup cgroup, out Exception? reason)
    {
        try
        {
            cgroup.Remove(TimeSpan.Zero);
            reason = null;
            return true;
        }
        catch (CgroupException e) when (e.Errno is Errno.EBUSY or Errno.ENOTEMPTY)
        {
            reason = e;
            return false;
        }
    }

    private void Run() => _worker.Run(_try, Tried, _failed);

    private void Tried(bool succeeded)
    {
        if (succeeded || Environment.TickCount64 >= _deadline)
        {
            _done(succeeded);
            return;
        }

        _loop.After(TimeSpan.FromMilliseconds(_pause), Run);
        _pause = Math.Min(_pause * 2, LongestPause);
    }
}
