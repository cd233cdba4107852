namespace Crisp.Cgroups;

/// <summary>What a reading asks for. Each part costs system calls, and who polls hundreds of cgroups wants few.</summary>
[Flags]
public enum StatsParts
{
    None = 0,

    /// <summary>The total. On v2 the detail comes with it.</summary>
    Cpu = 1,

    /// <summary>User and system time, and throttling.</summary>
    CpuDetail = 2,

    Memory = 4,

    /// <summary><see cref="MemoryStats.Detail"/>.</summary>
    MemoryDetail = 8,

    Pids = 16,

    Hugepages = 32,

    Io = 64,

    Pressure = 128,

    All = Cpu | CpuDetail | Memory | MemoryDetail | Pids | Hugepages | Io | Pressure,
}

/// <summary>What a cgroup and all below it have used. Null: the machine or the controller does not tell.</summary>
public sealed record CgroupStats
{
    public CpuStats? Cpu { get; init; }

    public MemoryStats? Memory { get; init; }

    public PidsStats? Pids { get; init; }

    public IReadOnlyList<HugepageStats> Hugepages { get; init; } = [];

    public IReadOnlyList<IoStats> Io { get; init; } = [];

    /// <summary>Pressure of v2, or of a hybrid's v2 tree.</summary>
    public Pressure? CpuPressure { get; init; }

    public Pressure? MemoryPressure { get; init; }

    public Pressure? IoPressure { get; init; }
}

/// <summary>Times in nanoseconds. v1 cpuacct.usage*, cpu.stat; v2 cpu.stat, whose microseconds are multiplied.</summary>
/// <param name="Periods">Periods of the quota in which something ran, and how many of them were throttled.</param>
public sealed record CpuStats(ulong Usage, ulong User, ulong System, ulong Periods, ulong ThrottledPeriods, ulong ThrottledTime);

/// <summary>Bytes, and counts of faults. v1 memory.stat's total_ values; v2 memory.stat.</summary>
public sealed record MemoryStats
{
    /// <summary>memory.usage_in_bytes, memory.current: the page cache is in it.</summary>
    public required ulong Usage { get; init; }

    /// <summary>As the kubelet has it: usage less inactive_file, never below 0.</summary>
    public required ulong WorkingSet { get; init; }

    /// <summary>Anonymous memory: v1 total_rss, v2 anon.</summary>
    public required ulong Rss { get; init; }

    /// <summary>v1 total_cache, v2 file.</summary>
    public required ulong Cache { get; init; }

    public required ulong PageFaults { get; init; }

    public required ulong MajorPageFaults { get; init; }

    /// <summary>Swapped out. v1 total_swap, v2 memory.swap.current; 0 without swap accounting.</summary>
    public required ulong Swap { get; init; }

    /// <summary>Null is no limit.</summary>
    public ulong? Limit { get; init; }

    /// <summary>How much may be swapped out: v2 memory.swap.max, v1 what memsw has beyond the limit. Null is no limit.</summary>
    public ulong? SwapLimit { get; init; }

    /// <summary>Null unless it was asked for.</summary>
    public MemoryDetail? Detail { get; init; }
}

/// <summary>What few people ask for. Null: this kernel has no such file.</summary>
public sealed record MemoryDetail
{
    /// <summary>The most that was ever used: v1 memory.max_usage_in_bytes, v2 memory.peak (Linux 5.19).</summary>
    public ulong? Peak { get; init; }

    /// <summary>The kernel's own memory for the processes: v1 memory.kmem.usage_in_bytes, v2 memory.stat's kernel (Linux 5.18).</summary>
    public ulong? Kernel { get; init; }

    /// <summary>How often the usage hit the limit: v1 memory.failcnt, v2 memory.events' max.</summary>
    public ulong? LimitHits { get; init; }

    /// <summary>What reclaim spares: v1 memory.soft_limit_in_bytes (null is none), v2 memory.min.</summary>
    public ulong? Reservation { get; init; }

    /// <summary>Files that are mapped: v1 total_mapped_file, v2 file_mapped.</summary>
    public required ulong MappedFile { get; init; }

    /// <summary>Faults in this cgroup alone on v1; v2 counts only with all below.</summary>
    public required ulong OwnPageFaults { get; init; }

    public required ulong OwnMajorPageFaults { get; init; }
}

/// <param name="Limit">Null is no limit.</param>
public sealed record PidsStats(ulong Current, ulong? Limit);

/// <summary>Bytes of one page size.</summary>
/// <param name="Size">As the kernel writes it: 2MB.</param>
/// <param name="Peak">v1's hugetlb.SIZE.max_usage_in_bytes; v2 does not tell.</param>
public sealed record HugepageStats(string Size, ulong Usage, ulong? Peak);

/// <summary>One block device. v1 blkio.throttle.io_service_bytes_recursive, io_serviced_recursive; v2 io.stat.</summary>
public sealed record IoStats(uint Major, uint Minor, ulong ReadBytes, ulong WriteBytes, ulong Reads, ulong Writes);

/// <summary>accounting/psi.rst. Full is null where the kernel has only "some".</summary>
public sealed record Pressure(PressureLine Some, PressureLine? Full);

/// <summary>Percent of time over 10, 60 and 300 seconds, and the total in microseconds.</summary>
public sealed record PressureLine(double Average10, double Average60, double Average300, ulong Total);
