using System.Buffers.Text;

namespace Crisp.Cgroups.V2;

internal sealed partial class V2Cgroup
{
    private const ulong NanosecondsPerMicrosecond = 1000;

    public CgroupStats Stats(StatsParts parts = StatsParts.All)
    {
        Span<byte> buffer = stackalloc byte[8192];
        var pressure = parts.HasFlag(StatsParts.Pressure);
        return new CgroupStats
        {
            Cpu = parts.HasFlag(StatsParts.Cpu) ? CpuOf(Read("cpu.stat", buffer)) : null,
            Memory = parts.HasFlag(StatsParts.Memory) ? MemoryOf(buffer, parts.HasFlag(StatsParts.MemoryDetail)) : null,
            Pids = parts.HasFlag(StatsParts.Pids) ? PidsOf(buffer) : null,
            Hugepages = parts.HasFlag(StatsParts.Hugepages) ? HugepageFiles.ReadStats(Read, ".current", peakSuffix: null) : [],
            Io = parts.HasFlag(StatsParts.Io) ? IoOf(ReadAll("io.stat", buffer)) : [],
            CpuPressure = pressure ? FlatKeyed.Pressure(Read("cpu.pressure", buffer)) : null,
            MemoryPressure = pressure ? FlatKeyed.Pressure(Read("memory.pressure", buffer)) : null,
            IoPressure = pressure ? FlatKeyed.Pressure(Read("io.pressure", buffer)) : null,
        };
    }

    internal static List<IoStats> IoOf(ReadOnlySpan<byte> text)
    {
        var stats = new List<IoStats>();
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (Utf8Parser.TryParse(line, out uint major, out var length) && length + 1 < line.Length
                && Utf8Parser.TryParse(line[(length + 1)..], out uint minor, out _))
            {
                stats.Add(new IoStats(
                    major,
                    minor,
                    FlatKeyed.Number(FlatKeyed.Member(line, "rbytes"u8)),
                    FlatKeyed.Number(FlatKeyed.Member(line, "wbytes"u8)),
                    FlatKeyed.Number(FlatKeyed.Member(line, "rios"u8)),
                    FlatKeyed.Number(FlatKeyed.Member(line, "wios"u8))));
            }
        }

        return stats;
    }

    private static CpuStats? CpuOf(ReadOnlySpan<byte> stat) => stat.IsEmpty ? null : new CpuStats(
        FlatKeyed.Get(stat, "usage_usec"u8) * NanosecondsPerMicrosecond,
        FlatKeyed.Get(stat, "user_usec"u8) * NanosecondsPerMicrosecond,
        FlatKeyed.Get(stat, "system_usec"u8) * NanosecondsPerMicrosecond,
        FlatKeyed.Get(stat, "nr_periods"u8),
        FlatKeyed.Get(stat, "nr_throttled"u8),
        FlatKeyed.Get(stat, "throttled_usec"u8) * NanosecondsPerMicrosecond);

    private MemoryStats? MemoryOf(Span<byte> buffer, bool detail)
    {
        var current = Read("memory.current", buffer);
        if (current.IsEmpty)
        {
            return null;
        }

        var usage = FlatKeyed.Number(current);
        var swap = FlatKeyed.Number(Read("memory.swap.current", buffer));
        var limit = Limit("memory.max");
        var swapLimit = Limit("memory.swap.max");
        var rest = detail ? DetailOf(buffer) : null;
        var stat = Read("memory.stat", buffer);
        var inactive = FlatKeyed.Get(stat, "inactive_file"u8);
        return new MemoryStats
        {
            Usage = usage,
            WorkingSet = usage > inactive ? usage - inactive : 0,
            Rss = FlatKeyed.Get(stat, "anon"u8),
            Cache = FlatKeyed.Get(stat, "file"u8),
            PageFaults = FlatKeyed.Get(stat, "pgfault"u8),
            MajorPageFaults = FlatKeyed.Get(stat, "pgmajfault"u8),
            Swap = swap,
            Limit = limit is >= 0 ? (ulong)limit : null,
            SwapLimit = swapLimit is >= 0 ? (ulong)swapLimit : null,
            Detail = rest is null ? null : rest with
            {
                Kernel = FlatKeyed.TryGet(stat, "kernel"u8, out var kernel) ? kernel : null,
                MappedFile = FlatKeyed.Get(stat, "file_mapped"u8),
                OwnPageFaults = FlatKeyed.Get(stat, "pgfault"u8),
                OwnMajorPageFaults = FlatKeyed.Get(stat, "pgmajfault"u8),
            },
        };
    }

    // What memory.stat does not have.
    private MemoryDetail DetailOf(Span<byte> buffer) => new()
    {
        Peak = Read("memory.peak", buffer) is { IsEmpty: false } peak ? FlatKeyed.Number(peak) : null,
        LimitHits = FlatKeyed.TryGet(Read("memory.events", buffer), "max"u8, out var hits) ? hits : null,
        Reservation = Read("memory.min", buffer) is { IsEmpty: false } min ? FlatKeyed.Number(min) : null,
        MappedFile = 0,
        OwnPageFaults = 0,
        OwnMajorPageFaults = 0,
    };

    private PidsStats? PidsOf(Span<byte> buffer)
    {
        var current = Read("pids.current", buffer);
        return current.IsEmpty
            ? null
            : new PidsStats(FlatKeyed.Number(current), Limit("pids.max") is { } limit and >= 0 ? (ulong)limit : null);
    }

    // A line for each device.
    private ReadOnlySpan<byte> ReadAll(string file, Span<byte> buffer)
    {
        var text = Read(file, buffer);
        return text.Length < buffer.Length ? text : CgroupFile.TryReadAll(At(file));
    }

    private long? Limit(string file)
    {
        Span<byte> buffer = stackalloc byte[64];
        var text = Read(file, buffer);
        return text.IsEmpty ? null : FlatKeyed.Limit(text);
    }

    /// <summary>As <see cref="CgroupFile.TryRead(string, Span{byte})"/>, from an open file if there is one.</summary>
    private ReadOnlySpan<byte> Read(string file, Span<byte> buffer)
    {
        if (held is not null && held.TryRead(file, buffer, out var length))
        {
            return buffer[..length];
        }

        return held is null ? CgroupFile.TryRead(At(file), buffer) : held.OpenAndRead(file, At(file), buffer);
    }
}
