namespace Crisp.Cgroups;

/// <summary>
/// Limits in the words of CRI's LinuxContainerResources. Null or, as CRI has it, 0 leaves a control as it is; in an answer
/// null means that the machine has no such control.
/// </summary>
public sealed record CgroupLimits
{
    /// <summary>cpu.shares, 2..262144; on v2 cpu.weight by <see cref="CpuShares.ToWeight"/>.</summary>
    public ulong? CpuShares { get; init; }

    /// <summary>Microseconds of processor time in a period; -1 is no limit. v1 cpu.cfs_quota_us, v2 cpu.max.</summary>
    public long? CpuQuota { get; init; }

    /// <summary>Microseconds, 1000..1000000. v1 cpu.cfs_period_us, v2 cpu.max.</summary>
    public ulong? CpuPeriod { get; init; }

    /// <summary>Processors in the list format of cpuset(7): 0-3,7. Empty leaves them as they are.</summary>
    public string? CpusetCpus { get; init; }

    /// <summary>Memory nodes in the list format of cpuset(7).</summary>
    public string? CpusetMems { get; init; }

    /// <summary>Bytes; -1 is no limit. v1 memory.limit_in_bytes, v2 memory.max.</summary>
    /// <remarks>Below the usage v1 reclaims or refuses (EBUSY), while v2 reclaims and then kills.</remarks>
    public long? MemoryLimit { get; init; }

    /// <summary>Memory and swap together in bytes; -1 is no limit. v1 memory.memsw.limit_in_bytes; v2 memory.swap.max is the difference.</summary>
    public long? MemorySwapLimit { get; init; }

    /// <summary>Processes and threads; -1 is no limit.</summary>
    public long? PidsLimit { get; init; }

    /// <summary>
    /// Bytes by page size as the kernel writes it: 2MB, 1GB. Reservations (hugetlb.SIZE.rsvd) are limited alike, so that a
    /// process gets ENOMEM from mmap and not SIGBUS later. Unlike elsewhere 0 is a limit: the kubelet sends it for every size.
    /// </summary>
    public IReadOnlyDictionary<string, ulong> HugepageLimits { get; init; } = new Dictionary<string, ulong>();

    /// <summary>10..1000 as blkio.weight; on v2 io.bfq.weight, or io.weight by <see cref="IoWeight.FromBlkio"/>.</summary>
    public ushort? BlkioWeight { get; init; }

    /// <summary>Files of v2 and what to write to them, after everything else (OCI runtime-spec "unified"). Refused on v1.</summary>
    public IReadOnlyDictionary<string, string> Unified { get; init; } = new Dictionary<string, string>();
}

/// <summary>Which limits a reading asks for; the others are null or empty in the answer.</summary>
public enum LimitParts
{
    All,

    /// <summary>Shares, quota and period, memory and swap: what is polled.</summary>
    CpuAndMemory,
}
