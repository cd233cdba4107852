using static Crisp.CriServer.Stats.Metrics.MetricFamily;

namespace Crisp.CriServer.Stats.Metrics;

// Memory, disks and network.
public static partial class MetricFamilies
{
    internal static readonly MetricFamily MemoryCache = Gauge("container_memory_cache", "Page cache, in bytes.");

    internal static readonly MetricFamily MemoryRss = Gauge("container_memory_rss", "Anonymous memory, in bytes.");

    internal static readonly MetricFamily MemoryKernel = Gauge("container_memory_kernel_usage", "Memory of the kernel for the processes, in bytes.");

    internal static readonly MetricFamily MemoryMappedFile = Gauge("container_memory_mapped_file", "Mapped files, in bytes.");

    internal static readonly MetricFamily MemorySwap = Gauge("container_memory_swap", "Memory that is swapped out, in bytes.");

    internal static readonly MetricFamily MemoryFailcnt = Counter("container_memory_failcnt", "How often the memory limit was hit.");

    internal static readonly MetricFamily MemoryUsage = Gauge("container_memory_usage_bytes", "Memory in use, page cache included.");

    internal static readonly MetricFamily MemoryMaxUsage = Gauge("container_memory_max_usage_bytes", "The most memory that ever was in use.");

    internal static readonly MetricFamily MemoryWorkingSet = Gauge("container_memory_working_set_bytes", "Memory in use, less page cache that is not.");

    internal static readonly MetricFamily MemoryFailures = Counter("container_memory_failures_total", "Page faults.", "failure_type", "scope");

    internal static readonly MetricFamily OomEvents = Counter("container_oom_events_total", "Processes that were killed for want of memory.");

    internal static readonly MetricFamily HugetlbUsage = Gauge("container_hugetlb_usage_bytes", "Hugepages in use.", "pagesize");

    internal static readonly MetricFamily HugetlbMaxUsage = Gauge("container_hugetlb_max_usage_bytes", "The most hugepages that ever were in use.", "pagesize");

    internal static readonly MetricFamily FsInodesFree = Gauge("container_fs_inodes_free", "Free inodes of the filesystem of the writable layer.", "device");

    internal static readonly MetricFamily FsInodesTotal = Gauge("container_fs_inodes_total", "Inodes of the filesystem of the writable layer.", "device");

    internal static readonly MetricFamily FsLimit = Gauge("container_fs_limit_bytes", "The size of the filesystem of the writable layer.", "device");

    internal static readonly MetricFamily FsUsage = Gauge("container_fs_usage_bytes", "What the writable layer takes.", "device");

    internal static readonly MetricFamily FsReads = Counter("container_fs_reads_total", "Reads from the device.", "device");

    internal static readonly MetricFamily FsReadBytes = Counter("container_fs_reads_bytes_total", "Bytes read from the device.", "device");

    internal static readonly MetricFamily FsWrites = Counter("container_fs_writes_total", "Writes to the device.", "device");

    internal static readonly MetricFamily FsWrittenBytes = Counter("container_fs_writes_bytes_total", "Bytes written to the device.", "device");

    internal static readonly MetricFamily BlkioUsage = Counter(
        "container_blkio_device_usage_total", "Bytes read from and written to the device.", "device", "major", "minor", "operation");

    internal static readonly MetricFamily ReceivedBytes = Link("receive_bytes", "Bytes received.");

    internal static readonly MetricFamily ReceivedPackets = Link("receive_packets", "Packets received.");

    internal static readonly MetricFamily ReceiveErrors = Link("receive_errors", "Errors while receiving.");

    internal static readonly MetricFamily ReceiveDropped = Link("receive_packets_dropped", "Packets dropped while receiving.");

    internal static readonly MetricFamily SentBytes = Link("transmit_bytes", "Bytes sent.");

    internal static readonly MetricFamily SentPackets = Link("transmit_packets", "Packets sent.");

    internal static readonly MetricFamily SendErrors = Link("transmit_errors", "Errors while sending.");

    internal static readonly MetricFamily SendDropped = Link("transmit_packets_dropped", "Packets dropped while sending.");

    private static MetricFamily Link(string what, string help) => Counter($"container_network_{what}_total", help, "interface");
}
