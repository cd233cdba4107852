using System.Globalization;
using Crisp.Cgroups.Polling;
using Crisp.Linux;

namespace Crisp.Cgroups.V2;

/// <summary>A cgroup of the unified hierarchy.</summary>
internal sealed partial class V2Cgroup(CgroupPath path, string directory, HeldFiles? held = null) : ICgroup
{
    public CgroupPath Path => path;

    public bool Exists => Directory.Exists(directory);

    public bool HasChildren => CgroupTree.HasChildren(directory);

    public ulong OomKillCount
    {
        get
        {
            Span<byte> buffer = stackalloc byte[512];
            return FlatKeyed.Get(CgroupFile.TryRead(At("memory.events"), buffer), "oom_kill"u8);
        }
    }

    public void AddProcess(int pid) => CgroupFile.Write(At("cgroup.procs"), pid.ToString(CultureInfo.InvariantCulture), PlaceAdvice);

    public FileDescriptor? OpenDirectory()
    {
        try
        {
            return Files.Open(directory, OpenFlags.ReadOnly | OpenFlags.Directory);
        }
        catch (LinuxException e)
        {
            throw new CgroupException("open", directory, e.Errno);
        }
    }

    public IReadOnlyList<int> Processes()
    {
        var pids = new SortedSet<int>();
        CgroupTree.Processes(directory, pids);
        return [.. pids];
    }

    public IReadOnlyList<int> SettledProcesses() => Processes();

    public void Freeze(TimeSpan timeout)
    {
        CgroupFile.Write(At("cgroup.freeze"), "1");
        if (!CgroupTree.Until(timeout, IsFrozen))
        {
            Thaw();
            throw new CgroupException("freeze", directory, Errno.ETIMEDOUT, "A process waits in the kernel, uninterruptibly");
        }
    }

    public void Thaw() => CgroupFile.Write(At("cgroup.freeze"), "0");

    public bool Kill(TimeSpan timeout)
    {
        var own = Environment.ProcessId;
        return CgroupTree.Until(timeout, () =>
        {
            var pids = Processes();
            foreach (var pid in pids)
            {
                if (pid == own)
                {
                    throw new InvalidOperationException($"The cgroup {directory} holds this very process, which will not kill itself.");
                }
            }

            // Also when the list is empty: processes of foreign PID namespaces are not in it.
            var errno = CgroupFile.TryWrite(At("cgroup.kill"), "1");
            if (errno is not (Errno.None or Errno.ENOENT or Errno.ENODEV))
            {
                throw new CgroupException("write \"1\" to", At("cgroup.kill"), errno);
            }

            return !IsPopulated();
        });
    }

    public OomWatch? WatchOom()
    {
        var events = Files.TryOpenAt2(FileDescriptor.CurrentDirectory, At("memory.events"), OpenFlags.ReadOnly, ResolveFlags.None, 0, out var errno);
        return events is not null ? new OomWatch(events)
            : errno == Errno.ENOENT && Exists ? null
            : throw new CgroupException("open", At("memory.events"), errno);
    }

    public void SetDeviceRules(IReadOnlyList<DeviceRule> rules) => DeviceFilter.Attach(directory, rules);

    public void Remove(TimeSpan timeout) => CgroupTree.Remove(directory, timeout);

    private static string? PlaceAdvice(Errno errno) => errno switch
    {
        Errno.EBUSY => "The cgroup distributes controllers to cgroups below it, and cgroup v2 lets such a one hold no processes: use one below it",
        Errno.EOPNOTSUPP => "The cgroup is threaded or invalid (its cgroup.type says which): processes need one of type domain",
        Errno.ESRCH => "The process has ended",
        _ => null,
    };

    private bool IsPopulated() => Event("populated"u8) != 0;

    private bool IsFrozen() => Event("frozen"u8) != 0;

    private ulong Event(ReadOnlySpan<byte> key)
    {
        Span<byte> buffer = stackalloc byte[128];
        return FlatKeyed.Get(CgroupFile.TryRead(At("cgroup.events"), buffer), key);
    }

    private string At(string file) => $"{directory}/{file}";
}
