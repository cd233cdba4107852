using System.Buffers.Text;

namespace Crisp.Cgroups.V1;

internal sealed partial class V1Cgroup
{
    // A hybrid's v2 tree, where a controller is asked for.
    private const string UnifiedTree = "";

    public CgroupStats Stats(StatsParts parts = StatsParts.All)
    {
        Span<byte> buffer = stackalloc byte[8192];
        var pressure = parts.HasFlag(StatsParts.Pressure);
        return new CgroupStats
        {
            Cpu = parts.HasFlag(StatsParts.Cpu) ? CpuOf(buffer, parts.HasFlag(StatsParts.CpuDetail)) : null,
            Memory = parts.HasFlag(StatsParts.Memory) ? MemoryOf(buffer, parts.HasFlag(StatsParts.MemoryDetail)) : null,
            Pids = parts.HasFlag(StatsParts.Pids) ? PidsOf(buffer) : null,
            Hugepages = parts.HasFlag(StatsParts.Hugepages) && Find("hugetlb") is not null
                ? HugepageFiles.ReadStats((file, space) => Read("hugetlb", file, space), ".usage_in_bytes", ".max_usage_in_bytes")
                : [],
            Io = parts.HasFlag(StatsParts.Io) ? IoOf(buffer) : [],
            CpuPressure = pressure ? FlatKeyed.Pressure(Read(UnifiedTree, "cpu.pressure", buffer)) : null,
            MemoryPressure = pressure ? FlatKeyed.Pressure(Read(UnifiedTree, "memory.pressure", buffer)) : null,
            IoPressure = pressure ? FlatKeyed.Pressure(Read(UnifiedTree, "io.pressure", buffer)) : null,
        };
    }

    // Lines such as "8:0 Read 4096".
    private static void Add(List<IoStats> stats, ReadOnlySpan<byte> text, bool bytes)
    {
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (!Utf8Parser.TryParse(line, out uint major, out var length) || length + 1 >= line.Length
                || !Utf8Parser.TryParse(line[(length + 1)..], out uint minor, out _))
            {
                continue;
            }

            var at = stats.FindIndex(s => s.Major == major && s.Minor == minor);
            if (at < 0)
            {
                at = stats.Count;
                stats.Add(new IoStats(major, minor, 0, 0, 0, 0));
            }

            var value = FlatKeyed.Number(line[(line.LastIndexOf((byte)' ') + 1)..]);
            var write = line.IndexOf(" Write "u8) > 0;
            if (write || line.IndexOf(" Read "u8) > 0)
            {
                stats[at] = (bytes, write) switch
                {
                    (true, false) => stats[at] with { ReadBytes = value },
                    (true, true) => stats[at] with { WriteBytes = value },
                    (false, false) => stats[at] with { Reads = value },
                    (false, true) => stats[at] with { Writes = value },
                };
            }
        }
    }

    private List<IoStats> IoOf(Span<byte> buffer)
    {
        var stats = new List<IoStats>();
        Add(stats, ReadAll("blkio", "blkio.throttle.io_service_bytes_recursive", buffer), bytes: true);
        Add(stats, ReadAll("blkio", "blkio.throttle.io_serviced_recursive", buffer), bytes: false);
        return stats;
    }

    // Five lines for each device.
    private ReadOnlySpan<byte> ReadAll(string controller, string file, Span<byte> buffer)
    {
        var text = Read(controller, file, buffer);
        return text.Length < buffer.Length ? text : CgroupFile.TryReadAll($"{Find(controller)}/{file}");
    }

    private CpuStats? CpuOf(Span<byte> buffer, bool detail)
    {
        var usage = Value("cpuacct", "cpuacct.usage", buffer);
        if (!detail)
        {
            return usage is { } total ? new CpuStats(total, 0, 0, 0, 0, 0) : null;
        }

        var user = Value("cpuacct", "cpuacct.usage_user", buffer);
        var system = Value("cpuacct", "cpuacct.usage_sys", buffer);
        var stat = Read("cpu", "cpu.stat", buffer);
        return usage is null && stat.IsEmpty ? null : new CpuStats(
            usage ?? 0,
            user ?? 0,
            system ?? 0,
            FlatKeyed.Get(stat, "nr_periods"u8),
            FlatKeyed.Get(stat, "nr_throttled"u8),
            FlatKeyed.Get(stat, "throttled_time"u8));
    }

    private MemoryStats? MemoryOf(Span<byte> buffer, bool detail)
    {
        if (Value("memory", "memory.usage_in_bytes", buffer) is not { } usage)
        {
            return null;
        }

        var limit = Limit("memory", "memory.limit_in_bytes");
        var both = limit is >= 0 ? Limit("memory", "memory.memsw.limit_in_bytes") : null;
        var rest = detail ? DetailOf(buffer) : null;
        var stat = Read("memory", "memory.stat", buffer);
        var inactive = FlatKeyed.Get(stat, "total_inactive_file"u8);
        return new MemoryStats
        {
            Usage = usage,
            WorkingSet = usage > inactive ? usage - inactive : 0,
            Rss = FlatKeyed.Get(stat, "total_rss"u8),
            Cache = FlatKeyed.Get(stat, "total_cache"u8),
            PageFaults = FlatKeyed.Get(stat, "total_pgfault"u8),
            MajorPageFaults = FlatKeyed.Get(stat, "total_pgmajfault"u8),
            Swap = FlatKeyed.Get(stat, "total_swap"u8),
            Limit = limit is >= 0 ? (ulong)limit : null,
            SwapLimit = both >= limit && both >= 0 ? (ulong)(both - limit) : null,
            Detail = rest is null ? null : rest with
            {
                MappedFile = FlatKeyed.Get(stat, "total_mapped_file"u8),
                OwnPageFaults = FlatKeyed.Get(stat, "pgfault"u8),
                OwnMajorPageFaults = FlatKeyed.Get(stat, "pgmajfault"u8),
            },
        };
    }

    // What memory.stat does not have.
    private MemoryDetail DetailOf(Span<byte> buffer) => new()
    {
        Peak = Value("memory", "memory.max_usage_in_bytes", buffer),
        Kernel = Value("memory", "memory.kmem.usage_in_bytes", buffer),
        LimitHits = Value("memory", "memory.failcnt", buffer),
        Reservation = Limit("memory", "memory.soft_limit_in_bytes") is { } soft and >= 0 ? (ulong)soft : null,
        MappedFile = 0,
        OwnPageFaults = 0,
        OwnMajorPageFaults = 0,
    };

    private PidsStats? PidsOf(Span<byte> buffer) => Value("pids", "pids.current", buffer) is { } current
        ? new PidsStats(current, Limit("pids", "pids.max") is { } limit and >= 0 ? (ulong)limit : null)
        : null;

    private ulong? Value(string controller, string file, Span<byte> buffer)
    {
        var text = Read(controller, file, buffer);
        return text.IsEmpty ? null : FlatKeyed.Number(text);
    }

    private long? Limit(string controller, string file)
    {
        Span<byte> buffer = stackalloc byte[64];
        var text = Read(controller, file, buffer);
        return text.IsEmpty ? null : FlatKeyed.Limit(text);
    }

    /// <summary>As <see cref="CgroupFile.TryRead(string, Span{byte})"/>, from an open file if there is one.</summary>
    /// <param name="controller">Or <see cref="UnifiedTree"/>. No two hierarchies have a file of the same name that is read here.</param>
    private ReadOnlySpan<byte> Read(string controller, string file, Span<byte> buffer)
    {
        if (held is not null && held.TryRead(file, buffer, out var length))
        {
            return buffer[..length];
        }

        if ((controller == UnifiedTree ? Unified() : Find(controller)) is not { } directory)
        {
            return default;
        }

        var path = $"{directory}/{file}";
        return held is null ? CgroupFile.TryRead(path, buffer) : held.OpenAndRead(file, path, buffer);
    }
}
