using Crisp.Linux;

namespace Crisp.Cgroups;

/// <summary>One cgroup: a directory on v2, the same path in each hierarchy on v1. Holds no descriptor and needs no disposal.</summary>
/// <remarks>Every method throws <see cref="CgroupException"/> with the file, the value and the errno.</remarks>
public interface ICgroup
{
    public CgroupPath Path { get; }

    public bool Exists { get; }

    /// <summary>Whether there are cgroups below, in any hierarchy.</summary>
    public bool HasChildren { get; }

    /// <summary>Sets what is not null; also while processes run. What the machine cannot limit is refused, not left out.</summary>
    /// <exception cref="CgroupUnsupportedException">A controller or file is missing.</exception>
    /// <exception cref="ArgumentException">A value contradicts another, or is no value of its kind.</exception>
    public void Apply(CgroupLimits limits);

    /// <summary>The limits as the cgroup holds them; null where the machine has no such control.</summary>
    public CgroupLimits ReadLimits(LimitParts parts = LimitParts.All);

    /// <summary>Moves a process with all its threads.</summary>
    public void AddProcess(int pid);

    /// <summary>v2: the directory, for clone3's CLONE_INTO_CGROUP, the caller's to dispose. v1: null, since clone3 knows v2 only.</summary>
    public FileDescriptor? OpenDirectory();

    /// <summary>What was not asked for is null or empty, like what the machine does not tell.</summary>
    public CgroupStats Stats(StatsParts parts = StatsParts.All);

    /// <summary>The processes here and in all cgroups below, in no order, those of foreign PID namespaces left out.</summary>
    public IReadOnlyList<int> Processes();

    /// <summary>As <see cref="Processes"/> from one hierarchy, which is a tenth of the work on v1: without processes on their way in.</summary>
    public IReadOnlyList<int> SettledProcesses();

    /// <summary>Stops every process, here and below, until <see cref="Thaw"/>.</summary>
    /// <exception cref="CgroupException">Not frozen within the time; the cgroup is thawed again.</exception>
    public void Freeze(TimeSpan timeout);

    public void Thaw();

    /// <summary>
    /// SIGKILL for every process here and below, frozen or not, until none is left. On v2 (and a hybrid's v2 tree)
    /// cgroup.kill; on v1 everything is frozen, killed and thawed, over and over, so that no fork gets away.
    /// </summary>
    /// <param name="timeout">Zero kills once and does not wait.</param>
    /// <returns>False when some are left: they wait in the kernel, uninterruptibly.</returns>
    public bool Kill(TimeSpan timeout);

    /// <summary>How many processes here and below the kernel's OOM killer has ended; 0 without the memory controller.</summary>
    /// <remarks>
    /// The count is up to date when a process that the OOM killer ended can be waited for, while the notification of v1 comes
    /// before the kill: an exit's reason is decided by this number.
    /// </remarks>
    public ulong OomKillCount { get; }

    /// <summary>A descriptor that tells of OOM, or null without the memory controller.</summary>
    public OomWatch? WatchOom();

    /// <summary>
    /// Replaces the device filter. For each of read, write and mknod the last rule that matches decides; what none matches is
    /// refused, so that an empty list refuses every device.
    /// </summary>
    public void SetDeviceRules(IReadOnlyList<DeviceRule> rules);

    /// <summary>
    /// Removes it and all cgroups below, the lowest first. Idempotent. EBUSY, which rmdir answers while the last process is
    /// on its way out, is tried again until the time is over.
    /// </summary>
    public void Remove(TimeSpan timeout);
}
