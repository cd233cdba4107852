using static Crisp.CriServer.Stats.Metrics.MetricFamily;

namespace Crisp.CriServer.Stats.Metrics;

/// <summary>The metrics that ListPodSandboxMetrics reports, under cAdvisor's names.</summary>
/// <remarks>CRI's values are whole numbers, so that seconds are cut to whole ones.</remarks>
public static partial class MetricFamilies
{
    internal static readonly MetricFamily CpuUsage = Counter(
        "container_cpu_usage_seconds_total", "Processor time used, in seconds; cpu is always total.", "cpu");

    internal static readonly MetricFamily CpuUser = Counter("container_cpu_user_seconds_total", "Processor time used in user mode, in seconds.");

    internal static readonly MetricFamily CpuSystem = Counter("container_cpu_system_seconds_total", "Processor time used in the kernel, in seconds.");

    internal static readonly MetricFamily CfsPeriods = Counter("container_cpu_cfs_periods_total", "Periods of the processor quota in which something ran.");

    internal static readonly MetricFamily CfsThrottledPeriods = Counter(
        "container_cpu_cfs_throttled_periods_total", "Periods of the processor quota in which something had to wait.");

    internal static readonly MetricFamily CfsThrottledSeconds = Counter(
        "container_cpu_cfs_throttled_seconds_total", "Time waited for the next period of the processor quota, in seconds.");

    internal static readonly MetricFamily Processes = Gauge("container_processes", "Processes that run.");

    internal static readonly MetricFamily Threads = Gauge("container_threads", "Threads that run.");

    internal static readonly MetricFamily ThreadsMax = Gauge("container_threads_max", "The most threads that may run; 0 is no limit.");

    internal static readonly MetricFamily FileDescriptors = Gauge("container_file_descriptors", "Open file descriptors of all processes.");

    internal static readonly MetricFamily SocketDescriptors = Gauge("container_sockets", "Open sockets of all processes.");

    internal static readonly MetricFamily UlimitsSoft = Gauge("container_ulimits_soft", "Soft limits of the main process.", "ulimit");

    internal static readonly MetricFamily LastSeen = Gauge("container_last_seen", "When these values were read, in seconds since the epoch.");

    internal static readonly MetricFamily StartTime = Gauge("container_start_time_seconds", "When the container was started, in seconds since the epoch.");

    internal static readonly MetricFamily SpecCpuPeriod = Gauge("container_spec_cpu_period", "The period of the processor quota, in microseconds.");

    internal static readonly MetricFamily SpecCpuQuota = Gauge(
        "container_spec_cpu_quota", "The processor quota in each period, in microseconds; absent without one.");

    internal static readonly MetricFamily SpecCpuShares = Gauge("container_spec_cpu_shares", "The weight when processors are scarce, in cpu.shares.");

    internal static readonly MetricFamily SpecMemoryLimit = Gauge("container_spec_memory_limit_bytes", "The memory limit; 0 is none.");

    internal static readonly MetricFamily SpecMemoryReservation = Gauge(
        "container_spec_memory_reservation_limit_bytes", "The memory that reclaim spares; 0 is none.");

    internal static readonly MetricFamily SpecMemorySwapLimit = Gauge(
        "container_spec_memory_swap_limit_bytes", "The limit of memory and swap together; 0 is none.");

    internal static readonly MetricFamily PressureCpuWaiting = Waiting("cpu", "processors");

    internal static readonly MetricFamily PressureCpuStalled = Stalled("cpu", "processors");

    internal static readonly MetricFamily PressureMemoryWaiting = Waiting("memory", "memory");

    internal static readonly MetricFamily PressureMemoryStalled = Stalled("memory", "memory");

    internal static readonly MetricFamily PressureIoWaiting = Waiting("io", "disks");

    internal static readonly MetricFamily PressureIoStalled = Stalled("io", "disks");

    private static MetricFamily Waiting(string resource, string what) => Counter(
        $"container_pressure_{resource}_waiting_seconds_total", $"Time in which some task waited for {what}, in seconds.");

    private static MetricFamily Stalled(string resource, string what) => Counter(
        $"container_pressure_{resource}_stalled_seconds_total", $"Time in which every task waited for {what}, in seconds.");
}
