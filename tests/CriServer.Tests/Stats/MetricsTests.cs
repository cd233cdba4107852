using Crisp.Cgroups;
using Crisp.Cri.V1;
using Crisp.CriServer.Stats;
using Crisp.CriServer.Stats.Metrics;
using Crisp.CriServer.Tests.State;
using Crisp.Sandbox.Processes;
using Google.Protobuf.Collections;
using Xunit;

namespace Crisp.CriServer.Tests.Stats;

public sealed class MetricsTests
{
    private readonly RepeatedField<Metric> _metrics = [];
    private readonly MetricList _list;

    public MetricsTests() => _list = new MetricList(_metrics, "id", "image", "ns", "pod", "app");

    [Fact]
    public void Catalog_IsCAdvisors()
    {
        Assert.Equal(CAdvisorNames, MetricCatalog.All.Select(f => f.Name));
        Assert.All(MetricCatalog.All, f => Assert.NotEmpty(f.Help));
        Assert.All(MetricCatalog.All, f => Assert.Equal(["id", "image", "namespace", "pod", "container"], f.ToCri().LabelKeys.Take(5)));
        Assert.All(MetricCatalog.All, f => Assert.Equal(
            f.Name is "container_memory_failcnt" || (f.Name.EndsWith("_total", StringComparison.Ordinal) && f.Name is not "container_fs_inodes_total"),
            f.Type == MetricType.Counter));
    }

    [Fact]
    public void EveryValue_HasALabelForEachKey()
    {
        AddEverything();
        var keys = MetricCatalog.All.ToDictionary(f => f.Name, f => f.ToCri().LabelKeys.Count);
        Assert.All(_metrics, m => Assert.Equal(keys[m.Name], m.LabelValues.Count));
        Assert.All(_metrics, m => Assert.Equal(["id", "image", "ns", "pod", "app"], m.LabelValues.Take(5)));
        Assert.All(_metrics.GroupBy(m => (m.Name, string.Join('|', m.LabelValues))), same => Assert.Single(same));
        var missing = keys.Keys.Except(_metrics.Select(m => m.Name)).Where(n => !n.StartsWith("container_network_", StringComparison.Ordinal));
        Assert.Empty(missing);
    }

    [Fact]
    public void Values_AreThoseThatWereRead()
    {
        AddEverything();
        Assert.Equal(7UL, Value("container_cpu_usage_seconds_total", "total"));
        Assert.Equal(4UL, Value("container_cpu_user_seconds_total"));
        Assert.Equal(3UL, Value("container_cpu_system_seconds_total"));
        Assert.Equal((5UL, 4UL, 2UL), (Value("container_cpu_cfs_periods_total"), Value("container_cpu_cfs_throttled_periods_total"), Value("container_cpu_cfs_throttled_seconds_total")));
        Assert.Equal((12UL, 6UL), (Value("container_memory_failures_total", "pgfault", "hierarchy"), Value("container_memory_failures_total", "pgfault", "container")));
        Assert.Equal((2000UL, 8UL, 31UL, 9UL), (Value("container_memory_max_usage_bytes"), Value("container_memory_failcnt"), Value("container_memory_kernel_usage"), Value("container_memory_mapped_file")));
        Assert.Equal((1UL, 3UL), (Value("container_fs_reads_bytes_total", "253:77"), Value("container_fs_reads_total", "253:77")));
        Assert.Equal(2UL, Value("container_blkio_device_usage_total", "253:77", "253", "77", "Write"));
        Assert.Equal((6UL, 1UL), (Value("container_pressure_io_waiting_seconds_total"), Value("container_pressure_io_stalled_seconds_total")));
        Assert.Equal((2UL, 3UL, 0UL), (Value("container_processes"), Value("container_threads"), Value("container_threads_max")));
        Assert.Equal((9UL, 4UL, 1024UL, 1UL), (Value("container_file_descriptors"), Value("container_sockets"), Value("container_ulimits_soft", "max_open_files"), Value("container_oom_events_total")));
        Assert.Equal((100_000UL, 20_000UL, 512UL), (Value("container_spec_cpu_period"), Value("container_spec_cpu_quota"), Value("container_spec_cpu_shares")));
        Assert.Equal((5000UL, 0UL, 0UL), (Value("container_spec_memory_limit_bytes"), Value("container_spec_memory_swap_limit_bytes"), Value("container_spec_memory_reservation_limit_bytes")));
        Assert.Equal(1_700_000_000UL, Value("container_start_time_seconds"));
        Assert.InRange(Value("container_last_seen"), 1_700_000_000UL, 1UL << 33);
    }

    [Fact]
    public void WhatTheMachineDoesNotTell_IsLeftOut()
    {
        ContainerMetricsBuilder.AddUsage(_list, new CgroupStats());
        ContainerMetricsBuilder.AddLimits(_list, new CgroupLimits { CpuQuota = -1 }, reservation: null);
        Assert.Equal(["container_spec_memory_reservation_limit_bytes"], _metrics.Select(m => m.Name));
    }

    [Fact]
    public void Layer_IsOfItsFilesystemAndSaysWhenItWasMeasured()
    {
        using var directory = new TemporaryDirectory();
        ContainerMetricsBuilder.AddLayer(_list, directory.Path, new LayerMeasurement(42, TimeSpan.Zero, new Linux.DiskUsage(4096, 1)));
        var usage = _metrics.Single(m => m.Name == "container_fs_usage_bytes");
        Assert.Equal((42L, 4096UL), (usage.Timestamp, usage.Value.Value));
        var drive = new DriveInfo(directory.Path);
        Assert.Equal((ulong)drive.TotalSize, _metrics.Single(m => m.Name == "container_fs_limit_bytes").Value.Value);
        Assert.True(_metrics.Single(m => m.Name == "container_fs_inodes_total").Value.Value >= _metrics.Single(m => m.Name == "container_fs_inodes_free").Value.Value);
        Assert.All(_metrics.Where(m => m != usage), m => Assert.Equal(0, m.Timestamp));
        Assert.Single(_metrics.Select(m => m.LabelValues[5]).Distinct());
    }

    [Fact]
    public void Device_IsKnownByItsName()
    {
        var device = Directory.GetDirectories("/sys/block").FirstOrDefault();
        Assert.SkipWhen(device is null, "The machine has no block device.");
        var number = File.ReadAllText(Path.Combine(device, "dev")).Trim().Split(':').Select(uint.Parse).ToArray();
        Assert.Equal($"/dev/{Path.GetFileName(device)}", DeviceNames.Of(number[0], number[1]));
        Assert.Equal("4095:99", DeviceNames.Of(4095, 99));
    }

    private void AddEverything()
    {
        var pressure = new Pressure(new PressureLine(0, 0, 0, 6_999_999), new PressureLine(0, 0, 0, 1_000_000));
        var stats = new CgroupStats
        {
            Cpu = new CpuStats(7_999_999_999, 4_000_000_000, 3_999_999_999, 5, 4, 2_500_000_000),
            Memory = new MemoryStats
            {
                Usage = 1000,
                WorkingSet = 600,
                Rss = 300,
                Cache = 50,
                PageFaults = 12,
                MajorPageFaults = 2,
                Swap = 40,
                Detail = new MemoryDetail { Peak = 2000, Kernel = 31, LimitHits = 8, MappedFile = 9, OwnPageFaults = 6, OwnMajorPageFaults = 1 },
            },
            Pids = new PidsStats(3, null),
            Hugepages = [new HugepageStats("2MB", 0, 4)],
            Io = [new IoStats(253, 77, 1, 2, 3, 4)],
            CpuPressure = pressure,
            MemoryPressure = pressure,
            IoPressure = pressure,
        };
        var record = Records.Container("pod") with { StartedAt = 1_700_000_000_999_999_999 };
        ContainerMetricsBuilder.AddState(_list, record);
        ContainerMetricsBuilder.AddUsage(_list, stats);
        ContainerMetricsBuilder.AddProcesses(_list, stats, new ProcessCounts(2, 9, 4, 1, 1024));
        ContainerMetricsBuilder.AddLimits(
            _list, new CgroupLimits { CpuPeriod = 100_000, CpuQuota = 20_000, CpuShares = 512, MemoryLimit = 5000, MemorySwapLimit = -1 }, null);
        ContainerMetricsBuilder.AddLayer(_list, "/", new LayerMeasurement(1, TimeSpan.Zero, new Linux.DiskUsage(1, 1)));
    }

    private ulong Value(string name, params string[] labels)
        => _metrics.Single(m => m.Name == name && m.LabelValues.Skip(5).SequenceEqual(labels)).Value.Value;

    // What the public validation suite asks for, read in its source (cri-tools, pkg/validate/pod.go).
    private static readonly string[] CAdvisorNames =
    [
        "container_blkio_device_usage_total", "container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total",
        "container_cpu_cfs_throttled_seconds_total", "container_cpu_system_seconds_total", "container_cpu_usage_seconds_total",
        "container_cpu_user_seconds_total", "container_file_descriptors", "container_fs_inodes_free", "container_fs_inodes_total",
        "container_fs_limit_bytes", "container_fs_reads_bytes_total", "container_fs_reads_total", "container_fs_usage_bytes",
        "container_fs_writes_bytes_total", "container_fs_writes_total", "container_hugetlb_max_usage_bytes", "container_hugetlb_usage_bytes",
        "container_last_seen", "container_memory_cache", "container_memory_failcnt", "container_memory_failures_total",
        "container_memory_kernel_usage", "container_memory_mapped_file", "container_memory_max_usage_bytes", "container_memory_rss",
        "container_memory_swap", "container_memory_usage_bytes", "container_memory_working_set_bytes", "container_network_receive_bytes_total",
        "container_network_receive_errors_total", "container_network_receive_packets_dropped_total", "container_network_receive_packets_total",
        "container_network_transmit_bytes_total", "container_network_transmit_errors_total", "container_network_transmit_packets_dropped_total",
        "container_network_transmit_packets_total", "container_oom_events_total", "container_pressure_cpu_stalled_seconds_total",
        "container_pressure_cpu_waiting_seconds_total", "container_pressure_io_stalled_seconds_total", "container_pressure_io_waiting_seconds_total",
        "container_pressure_memory_stalled_seconds_total", "container_pressure_memory_waiting_seconds_total", "container_processes",
        "container_sockets", "container_spec_cpu_period", "container_spec_cpu_quota", "container_spec_cpu_shares",
        "container_spec_memory_limit_bytes", "container_spec_memory_reservation_limit_bytes", "container_spec_memory_swap_limit_bytes",
        "container_start_time_seconds", "container_threads", "container_threads_max", "container_ulimits_soft",
    ];
}
