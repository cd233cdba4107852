using System.Globalization;
using Crisp.Cgroups;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Linux;
using Crisp.Sandbox.Processes;

namespace Crisp.CriServer.Stats.Metrics;

/// <summary>From what was read of one container to its metrics. What the machine does not tell is left out.</summary>
internal static class ContainerMetricsBuilder
{
    private const ulong MicrosecondsPerSecond = 1_000_000;
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    public static void AddState(MetricList list, ContainerRecord record)
    {
        list.Add(MetricFamilies.LastSeen, (ulong)Node.Now() / NanosecondsPerSecond);
        list.Add(MetricFamilies.StartTime, (ulong)record.StartedAt / NanosecondsPerSecond);
    }

    public static void AddUsage(MetricList list, CgroupStats stats)
    {
        if (stats.Cpu is { } cpu)
        {
            list.AddSeconds(MetricFamilies.CpuUsage, cpu.Usage, "total");
            list.AddSeconds(MetricFamilies.CpuUser, cpu.User);
            list.AddSeconds(MetricFamilies.CpuSystem, cpu.System);
            list.Add(MetricFamilies.CfsPeriods, cpu.Periods);
            list.Add(MetricFamilies.CfsThrottledPeriods, cpu.ThrottledPeriods);
            list.AddSeconds(MetricFamilies.CfsThrottledSeconds, cpu.ThrottledTime);
        }

        if (stats.Memory is { } memory)
        {
            AddMemory(list, memory);
        }

        foreach (var size in stats.Hugepages)
        {
            list.Add(MetricFamilies.HugetlbUsage, size.Usage, size.Size);
            list.Add(MetricFamilies.HugetlbMaxUsage, size.Peak, size.Size);
        }

        foreach (var device in stats.Io)
        {
            AddDevice(list, device);
        }

        AddPressure(list, stats.CpuPressure, MetricFamilies.PressureCpuWaiting, MetricFamilies.PressureCpuStalled);
        AddPressure(list, stats.MemoryPressure, MetricFamilies.PressureMemoryWaiting, MetricFamilies.PressureMemoryStalled);
        AddPressure(list, stats.IoPressure, MetricFamilies.PressureIoWaiting, MetricFamilies.PressureIoStalled);
    }

    public static void AddProcesses(MetricList list, CgroupStats stats, ProcessCounts counts)
    {
        list.Add(MetricFamilies.Processes, counts.Processes);
        list.Add(MetricFamilies.FileDescriptors, counts.FileDescriptors);
        list.Add(MetricFamilies.SocketDescriptors, counts.Sockets);
        list.Add(MetricFamilies.UlimitsSoft, counts.OpenFilesLimit, "max_open_files");
        list.Add(MetricFamilies.OomEvents, counts.OutOfMemoryKills);
        list.Add(MetricFamilies.Threads, stats.Pids?.Current);
        list.Add(MetricFamilies.ThreadsMax, stats.Pids is { } pids ? pids.Limit ?? 0 : null);
    }

    public static void AddLimits(MetricList list, CgroupLimits limits, ulong? reservation)
    {
        list.Add(MetricFamilies.SpecCpuPeriod, limits.CpuPeriod);
        list.Add(MetricFamilies.SpecCpuQuota, limits.CpuQuota > 0 ? (ulong)limits.CpuQuota : null);
        list.Add(MetricFamilies.SpecCpuShares, limits.CpuShares);
        list.Add(MetricFamilies.SpecMemoryLimit, OrZero(limits.MemoryLimit));
        list.Add(MetricFamilies.SpecMemorySwapLimit, OrZero(limits.MemorySwapLimit));
        list.Add(MetricFamilies.SpecMemoryReservation, reservation ?? 0);
    }

    /// <param name="layer">The directory of the writable layer.</param>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public static void AddLayer(MetricList list, string layer, LayerMeasurement? measurement)
    {
        using var directory = Files.Open(layer, OpenFlags.Path | OpenFlags.Directory);
        var (filesystem, device) = (Files.Statfs(directory), Files.Status(directory).Filesystem);
        var name = DeviceNames.Of(Files.Major(device), Files.Minor(device));
        list.Add(MetricFamilies.FsLimit, filesystem.Blocks * (ulong)filesystem.BlockSize, name);
        list.Add(MetricFamilies.FsInodesTotal, filesystem.Inodes, name);
        list.Add(MetricFamilies.FsInodesFree, filesystem.FreeInodes, name);
        if (measurement is not null)
        {
            list.AddAt(measurement.Timestamp, MetricFamilies.FsUsage, measurement.Usage.Bytes, name);
        }
    }

    private static void AddMemory(MetricList list, MemoryStats memory)
    {
        list.Add(MetricFamilies.MemoryUsage, memory.Usage);
        list.Add(MetricFamilies.MemoryWorkingSet, memory.WorkingSet);
        list.Add(MetricFamilies.MemoryRss, memory.Rss);
        list.Add(MetricFamilies.MemoryCache, memory.Cache);
        list.Add(MetricFamilies.MemorySwap, memory.Swap);
        list.Add(MetricFamilies.MemoryFailures, memory.PageFaults, "pgfault", "hierarchy");
        list.Add(MetricFamilies.MemoryFailures, memory.MajorPageFaults, "pgmajfault", "hierarchy");
        list.Add(MetricFamilies.MemoryFailures, memory.Detail?.OwnPageFaults, "pgfault", "container");
        list.Add(MetricFamilies.MemoryFailures, memory.Detail?.OwnMajorPageFaults, "pgmajfault", "container");
        list.Add(MetricFamilies.MemoryMappedFile, memory.Detail?.MappedFile);
        list.Add(MetricFamilies.MemoryKernel, memory.Detail?.Kernel);
        list.Add(MetricFamilies.MemoryMaxUsage, memory.Detail?.Peak);
        list.Add(MetricFamilies.MemoryFailcnt, memory.Detail?.LimitHits);
    }

    private static void AddDevice(MetricList list, IoStats io)
    {
        var name = DeviceNames.Of(io.Major, io.Minor);
        var (major, minor) = (io.Major.ToString(CultureInfo.InvariantCulture), io.Minor.ToString(CultureInfo.InvariantCulture));
        list.Add(MetricFamilies.FsReads, io.Reads, name);
        list.Add(MetricFamilies.FsReadBytes, io.ReadBytes, name);
        list.Add(MetricFamilies.FsWrites, io.Writes, name);
        list.Add(MetricFamilies.FsWrittenBytes, io.WriteBytes, name);
        list.Add(MetricFamilies.BlkioUsage, io.ReadBytes, name, major, minor, "Read");
        list.Add(MetricFamilies.BlkioUsage, io.WriteBytes, name, major, minor, "Write");
    }

    private static void AddPressure(MetricList list, Pressure? pressure, MetricFamily waiting, MetricFamily stalled)
    {
        list.Add(waiting, pressure?.Some.Total / MicrosecondsPerSecond);
        list.Add(stalled, pressure?.Full?.Total / MicrosecondsPerSecond);
    }

    // cAdvisor writes 0 for "no limit"; null is a machine that has no such limit.
    private static ulong? OrZero(long? limit) => limit is null ? null : limit > 0 ? (ulong)limit : 0;
}
