using static Crisp.CriServer.Stats.Metrics.MetricFamilies;

namespace Crisp.CriServer.Stats.Metrics;

/// <summary>What ListMetricDescriptors answers.</summary>
public static class MetricCatalog
{
    /// <summary>In the order of their names.</summary>
    public static IReadOnlyList<MetricFamily> All { get; } =
    [
        .. new List<MetricFamily>
        {
            CpuUsage, CpuUser, CpuSystem, CfsPeriods, CfsThrottledPeriods, CfsThrottledSeconds,
            Processes, Threads, ThreadsMax, FileDescriptors, SocketDescriptors, UlimitsSoft, LastSeen, StartTime,
            SpecCpuPeriod, SpecCpuQuota, SpecCpuShares, SpecMemoryLimit, SpecMemoryReservation, SpecMemorySwapLimit,
            PressureCpuWaiting, PressureCpuStalled, PressureMemoryWaiting, PressureMemoryStalled, PressureIoWaiting, PressureIoStalled,
            MemoryCache, MemoryRss, MemoryKernel, MemoryMappedFile, MemorySwap, MemoryFailcnt, MemoryUsage, MemoryMaxUsage, MemoryWorkingSet,
            MemoryFailures, OomEvents, HugetlbUsage, HugetlbMaxUsage,
            FsInodesFree, FsInodesTotal, FsLimit, FsUsage, FsReads, FsReadBytes, FsWrites, FsWrittenBytes, BlkioUsage,
            ReceivedBytes, ReceivedPackets, ReceiveErrors, ReceiveDropped, SentBytes, SentPackets, SendErrors, SendDropped,
        }.OrderBy(f => f.Name, StringComparer.Ordinal),
    ];
}
