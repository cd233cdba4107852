using System.Globalization;
using Crisp.Cgroups.Polling;
using Crisp.Linux;

namespace Crisp.Cgroups.V1;

/// <summary>The same path in each hierarchy.</summary>
internal sealed partial class V1Cgroup(CgroupPath path, IReadOnlyList<CgroupHierarchy> hierarchies, HeldFiles? held = null) : ICgroup
{
    public CgroupPath Path => path;

    public bool Exists
    {
        get
        {
            foreach (var directory in Directories())
            {
                if (!Directory.Exists(directory))
                {
                    return false;
                }
            }

            return true;
        }
    }

    public bool HasChildren
    {
        get
        {
            foreach (var directory in Directories())
            {
                if (CgroupTree.HasChildren(directory))
                {
                    return true;
                }
            }

            return false;
        }
    }

    public ulong OomKillCount => CountOomKills(mustExist: false);

    public void AddProcess(int pid)
    {
        foreach (var directory in Directories())
        {
            Place($"{directory}/cgroup.procs", pid.ToString(CultureInfo.InvariantCulture));
        }
    }

    public FileDescriptor? OpenDirectory() => null;

    public IReadOnlyList<int> Processes()
    {
        // A process on its way into the cgroup may be in some hierarchies only.
        var pids = new SortedSet<int>();
        foreach (var directory in Directories())
        {
            CgroupTree.Processes(directory, pids);
        }

        return [.. pids];
    }

    public IReadOnlyList<int> SettledProcesses()
    {
        // AddProcess comes to the last one last.
        var pids = new SortedSet<int>();
        CgroupTree.Processes($"{hierarchies[^1].MountPoint}/{path}", pids);
        return [.. pids];
    }

    public void Freeze(TimeSpan timeout)
    {
        if (!TryFreeze(timeout))
        {
            Thaw();
            throw new CgroupException("freeze", Require("freezer"), Errno.ETIMEDOUT, "A process waits in the kernel, uninterruptibly");
        }
    }

    public void Thaw() => CgroupFile.Write($"{Require("freezer")}/freezer.state", "THAWED");

    public bool Kill(TimeSpan timeout)
    {
        var tries = 0;
        return CgroupTree.Until(timeout, () => KillOnce(again: tries++ > 0) == 0);
    }

    public OomWatch? WatchOom()
    {
        if (Find("memory") is not { } directory)
        {
            return null;
        }

        var eventFd = new EventFd();
        try
        {
            using var control = Files.Open($"{directory}/memory.oom_control", OpenFlags.ReadOnly);
            CgroupFile.Write($"{directory}/cgroup.event_control", $"{eventFd.Descriptor.Number} {control.Number}");
            return new OomWatch(eventFd, () => CountOomKills(mustExist: true));
        }
        catch (LinuxException e)
        {
            eventFd.Dispose();
            throw new CgroupException("open", $"{directory}/memory.oom_control", e.Errno);
        }
        catch (CgroupException)
        {
            eventFd.Dispose();
            throw;
        }
    }

    public void Remove(TimeSpan timeout)
    {
        foreach (var directory in Directories())
        {
            CgroupTree.Remove(directory, timeout);
        }
    }

    private static void Place(string file, string pid)
    {
        var errno = Errno.None;

        // EINVAL: a task that fork has not finished yet (TASK_NEW), which is over in a moment.
        CgroupTree.Until(TimeSpan.FromMilliseconds(100), () => (errno = CgroupFile.TryWrite(file, pid)) != Errno.EINVAL);
        if (errno != Errno.None)
        {
            throw new CgroupException($"write \"{pid}\" to", file, errno, errno switch
            {
                Errno.ENOSPC => "The cpuset has no processors or memory nodes",
                Errno.ESRCH => "The process has ended",
                _ => null,
            });
        }
    }

    private bool TryFreeze(TimeSpan timeout)
    {
        var file = $"{Require("freezer")}/freezer.state";
        return CgroupTree.Until(timeout, () =>
        {
            // FREEZING stays when a process forked meanwhile; to write again freezes the new one too (freezer-subsystem.rst).
            CgroupFile.Write(file, "FROZEN");
            return CgroupFile.TryReadText(file) == "FROZEN";
        });
    }

    /// <returns>How many processes were there.</returns>
    private int KillOnce(bool again)
    {
        var killed = false;
        foreach (var hierarchy in hierarchies)
        {
            killed |= hierarchy.Unified && CgroupFile.TryWrite($"{hierarchy.MountPoint}/{path}/cgroup.kill", "1") == Errno.None;
        }

        // What is frozen does not fork and its numbers stay its own; what cgroup.kill has not reached is listed still.
        var freezer = Find("freezer") is { } directory && Directory.Exists(directory) ? $"{directory}/freezer.state" : null;
        if (freezer is not null && (again || !killed))
        {
            CgroupTree.Until(TimeSpan.FromMilliseconds(20), () =>
            {
                CgroupFile.TryWrite(freezer, "FROZEN");
                return CgroupFile.TryReadText(freezer) is "FROZEN" or null;
            });
        }

        try
        {
            var pids = Processes();
            foreach (var pid in pids)
            {
                if (pid == Environment.ProcessId)
                {
                    throw new InvalidOperationException($"The cgroup {path} holds this very process, which will not kill itself.");
                }

                Linux.Processes.Kill(pid, Signals.Kill);
            }

            return pids.Count;
        }
        finally
        {
            if (freezer is not null)
            {
                // Killed processes of v1 end only when thawed; so do those that were frozen before.
                CgroupFile.TryWrite(freezer, "THAWED");
            }
        }
    }

    // oom_kill of v1 counts this one cgroup, not those below it.
    private ulong CountOomKills(bool mustExist)
    {
        if (Find("memory") is not { } directory)
        {
            return 0;
        }

        var sum = 0UL;
        Span<byte> buffer = stackalloc byte[256];
        foreach (var cgroup in CgroupTree.LowestFirst(directory))
        {
            sum += FlatKeyed.Get(CgroupFile.TryRead($"{cgroup}/memory.oom_control", buffer), "oom_kill"u8);
        }

        return mustExist && !Directory.Exists(directory) ? throw new CgroupException("read", directory, Errno.ENOENT) : sum;
    }

    /// <summary>The cgroup's directory in the hierarchy of a controller, or null when the machine has none.</summary>
    private string? Find(string controller)
    {
        foreach (var hierarchy in hierarchies)
        {
            if (hierarchy.Has(controller))
            {
                return $"{hierarchy.MountPoint}/{path}";
            }
        }

        return null;
    }

    private string Require(string controller) => Find(controller)
        ?? throw new CgroupUnsupportedException($"The {controller} controller is not mounted on this machine, so that {path} cannot be limited by it.");

    private string? Unified()
    {
        foreach (var hierarchy in hierarchies)
        {
            if (hierarchy.Unified)
            {
                return $"{hierarchy.MountPoint}/{path}";
            }
        }

        return null;
    }

    private IEnumerable<string> Directories()
    {
        foreach (var hierarchy in hierarchies)
        {
            yield return $"{hierarchy.MountPoint}/{path}";
        }
    }
}
