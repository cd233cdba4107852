using Crisp.Cgroups;
using Crisp.Cri.V1;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.Linux;
using Google.Protobuf.Collections;

namespace Crisp.CriServer.Stats;

/// <summary>Usage in CRI's words. What the machine does not tell is absent, not 0.</summary>
public static class StatsView
{
    private const string UsualInterface = "eth0";

    public static ContainerAttributes Attributes(ContainerRecord record)
    {
        var attributes = new ContainerAttributes
        {
            Id = record.Id,
            Metadata = new ContainerMetadata { Name = record.Metadata.Name, Attempt = record.Metadata.Attempt },
        };
        AddTo(attributes.Labels, record.Labels);
        AddTo(attributes.Annotations, record.Annotations);
        return attributes;
    }

    public static PodSandboxAttributes Attributes(SandboxRecord record)
    {
        var attributes = new PodSandboxAttributes { Id = record.Id, Metadata = SandboxView.Metadata(record) };
        AddTo(attributes.Labels, record.Labels);
        AddTo(attributes.Annotations, record.Annotations);
        return attributes;
    }

    /// <param name="rate">Nanoseconds of processor time a second.</param>
    public static CpuUsage? Cpu(CgroupStats stats, ulong? rate, long timestamp) => stats.Cpu is not { } cpu ? null : new CpuUsage
    {
        Timestamp = timestamp,
        UsageCoreNanoSeconds = Value(cpu.Usage),
        UsageNanoCores = rate is { } value ? Value(value) : null,
        Psi = Psi(stats.CpuPressure),
    };

    public static MemoryUsage? Memory(CgroupStats stats, long timestamp) => stats.Memory is not { } memory ? null : new MemoryUsage
    {
        Timestamp = timestamp,
        WorkingSetBytes = Value(memory.WorkingSet),
        AvailableBytes = memory.Limit is { } limit ? Value(limit > memory.WorkingSet ? limit - memory.WorkingSet : 0) : null,
        UsageBytes = Value(memory.Usage),
        RssBytes = Value(memory.Rss),
        PageFaults = Value(memory.PageFaults),
        MajorPageFaults = Value(memory.MajorPageFaults),
        Psi = Psi(stats.MemoryPressure),
    };

    public static SwapUsage? Swap(CgroupStats stats, long timestamp) => stats.Memory is not { } memory ? null : new SwapUsage
    {
        Timestamp = timestamp,
        SwapUsageBytes = Value(memory.Swap),
        SwapAvailableBytes = memory.SwapLimit is { } limit ? Value(limit > memory.Swap ? limit - memory.Swap : 0) : null,
    };

    /// <summary>CRI has nothing but pressure here.</summary>
    public static IoUsage? Io(CgroupStats stats, long timestamp)
        => stats.IoPressure is null ? null : new IoUsage { Timestamp = timestamp, Psi = Psi(stats.IoPressure) };

    public static ProcessUsage? Processes(CgroupStats stats, long timestamp)
        => stats.Pids is not { } pids ? null : new ProcessUsage { Timestamp = timestamp, ProcessCount = Value(pids.Current) };

    /// <param name="mountpoint">A path on the filesystem; that of ImageFsInfo, where the kubelet looks it up.</param>
    public static FilesystemUsage? Layer(LayerMeasurement? measurement, string mountpoint) => measurement is null ? null : new FilesystemUsage
    {
        Timestamp = measurement.Timestamp,
        FsId = new FilesystemIdentifier { Mountpoint = mountpoint },
        UsedBytes = Value(measurement.Usage.Bytes),
        InodesUsed = Value(measurement.Usage.Inodes),
    };

    /// <summary>Every interface but loopback. The default one is eth0, or else the first; the others follow.</summary>
    public static NetworkUsage? Network(IReadOnlyList<LinkCounters>? links, long timestamp)
    {
        if (links is null)
        {
            return null;
        }

        var outward = links.Where(l => !l.IsLoopback).ToList();
        var first = outward.Find(l => l.Name == UsualInterface) ?? outward.FirstOrDefault();
        var network = new NetworkUsage { Timestamp = timestamp, DefaultInterface = first is null ? null : Interface(first) };
        network.Interfaces.AddRange(outward.Where(l => l != first).Select(Interface));
        return network;
    }

    private static NetworkInterfaceUsage Interface(LinkCounters link) => new()
    {
        Name = link.Name,
        RxBytes = Value(link.ReceivedBytes),
        RxErrors = Value(link.ReceiveErrors),
        TxBytes = Value(link.SentBytes),
        TxErrors = Value(link.SendErrors),
    };

    private static PsiStats? Psi(Pressure? pressure) => pressure is null ? null : new PsiStats
    {
        Some = Psi(pressure.Some),
        Full = pressure.Full is { } full ? Psi(full) : null,
    };

    private static PsiData Psi(PressureLine line)
        => new() { Total = line.Total, Avg10 = line.Average10, Avg60 = line.Average60, Avg300 = line.Average300 };

    private static void AddTo(MapField<string, string> target, IReadOnlyDictionary<string, string> pairs)
    {
        foreach (var (key, value) in pairs)
        {
            target.Add(key, value);
        }
    }

    private static UInt64Value Value(ulong value) => new() { Value = value };
}
