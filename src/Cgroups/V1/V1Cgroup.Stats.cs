using System.Buffers.Text;

namespace Crisp.Cgroups.V1;

internal sealed partial class V1Cgroup
{
    public CgroupStats Stats()
    {
        Span<byte> buffer = stackalloc byte[8192];
        var unified = Unified();
        return new CgroupStats
        {
            Cpu = CpuOf(buffer),
            Memory = MemoryOf(buffer),
            Pids = PidsOf(buffer),
            Hugepages = Find("hugetlb") is { } hugetlb ? HugepageFiles.ReadStats(hugetlb, ".usage_in_bytes") : [],
            Io = Find("blkio") is { } blkio ? IoOf(blkio) : [],
            CpuPressure = unified is null ? null : FlatKeyed.Pressure(CgroupFile.TryRead($"{unified}/cpu.pressure", buffer)),
            MemoryPressure = unified is null ? null : FlatKeyed.Pressure(CgroupFile.TryRead($"{unified}/memory.pressure", buffer)),
            IoPressure = unified is null ? null : FlatKeyed.Pressure(CgroupFile.TryRead($"{unified}/io.pressure", buffer)),
        };
    }

    private static List<IoStats> IoOf(string directory)
    {
        var stats = new List<IoStats>();
        Add(stats, CgroupFile.TryReadAll($"{directory}/blkio.throttle.io_service_bytes_recursive"), bytes: true);
        Add(stats, CgroupFile.TryReadAll($"{directory}/blkio.throttle.io_serviced_recursive"), bytes: false);
        return stats;
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

    private CpuStats? CpuOf(Span<byte> buffer)
    {
        var usage = Value("cpuacct", "cpuacct.usage", buffer);
        var user = Value("cpuacct", "cpuacct.usage_user", buffer);
        var system = Value("cpuacct", "cpuacct.usage_sys", buffer);
        var stat = Find("cpu") is { } cpu ? CgroupFile.TryRead($"{cpu}/cpu.stat", buffer) : default;
        return usage is null && stat.IsEmpty ? null : new CpuStats(
            usage ?? 0,
            user ?? 0,
            system ?? 0,
            FlatKeyed.Get(stat, "nr_periods"u8),
            FlatKeyed.Get(stat, "nr_throttled"u8),
            FlatKeyed.Get(stat, "throttled_time"u8));
    }

    private MemoryStats? MemoryOf(Span<byte> buffer)
    {
        if (Value("memory", "memory.usage_in_bytes", buffer) is not { } usage)
        {
            return null;
        }

        var limit = Limit("memory", "memory.limit_in_bytes");
        var stat = CgroupFile.TryRead($"{Find("memory")}/memory.stat", buffer);
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
        };
    }

    private PidsStats? PidsOf(Span<byte> buffer) => Value("pids", "pids.current", buffer) is { } current
        ? new PidsStats(current, Limit("pids", "pids.max") is { } limit and >= 0 ? (ulong)limit : null)
        : null;

    private ulong? Value(string controller, string file, Span<byte> buffer)
    {
        if (Find(controller) is not { } directory)
        {
            return null;
        }

        var text = CgroupFile.TryRead($"{directory}/{file}", buffer);
        return text.IsEmpty ? null : FlatKeyed.Number(text);
    }
}
