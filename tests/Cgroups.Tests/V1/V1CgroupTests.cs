using Xunit;

namespace Crisp.Cgroups.Tests.V1;

/// <summary>What version 1's files are given, on a tree of plain files.</summary>
public sealed class V1CgroupTests
{
    [Fact]
    public void BlkioWeight_NoneOfBoth_IsRefused()
    {
        using var tree = new FakeTree(("blkio.bfq.weight", "100\n"));
        tree.Version1().Apply(new CgroupLimits { BlkioWeight = 300 });
        Assert.Equal("300", tree.Read("blkio.bfq.weight"));

        using var bare = new FakeTree();
        Assert.Contains("blkio", Assert.Throws<CgroupUnsupportedException>(() => bare.Version1().Apply(new CgroupLimits { BlkioWeight = 300 })).Message);
    }

    [Fact]
    public void Swap_WithoutAccounting_NoneIsFineAndSomeIsRefused()
    {
        using var tree = new FakeTree(("memory.limit_in_bytes", "9223372036854771712\n"));
        tree.Version1().Apply(new CgroupLimits { MemoryLimit = 100, MemorySwapLimit = 100 });
        Assert.Equal("100", tree.Read("memory.limit_in_bytes"));

        Assert.Throws<CgroupUnsupportedException>(() => tree.Version1().Apply(new CgroupLimits { MemoryLimit = 100, MemorySwapLimit = 200 }));
    }

    [Fact]
    public void Memory_AboveTheSwapLimit_SaysToRaiseBoth()
    {
        using var tree = new FakeTree(("memory.limit_in_bytes", "100\n"), ("memory.memsw.limit_in_bytes", "100\n"));

        var error = Assert.Throws<ArgumentException>(() => tree.Version1().Apply(new CgroupLimits { MemoryLimit = 200 }));
        Assert.Contains("raise MemorySwapLimit too", error.Message);
    }

    [Fact]
    public void Hugepages_AreLimitedWithTheirReservations()
    {
        using var tree = new FakeTree(("hugetlb.2MB.limit_in_bytes", "0\n"), ("hugetlb.2MB.rsvd.limit_in_bytes", "0\n"));
        tree.Version1().Apply(new CgroupLimits { HugepageLimits = new Dictionary<string, ulong> { ["2MB"] = 4194304 } });

        Assert.Equal(("4194304", "4194304"), (tree.Read("hugetlb.2MB.limit_in_bytes"), tree.Read("hugetlb.2MB.rsvd.limit_in_bytes")));
    }

    [Fact]
    public void Io_IsReadPerDevice()
    {
        using var tree = new FakeTree(
            ("blkio.throttle.io_service_bytes_recursive", "8:0 Read 1\n8:0 Write 2\n8:0 Sync 9\n7:0 Read 5\nTotal 99\n"),
            ("blkio.throttle.io_serviced_recursive", "8:0 Read 3\n8:0 Write 4\nTotal 7\n"));

        Assert.Equal([new IoStats(8, 0, 1, 2, 3, 4), new IoStats(7, 0, 5, 0, 0, 0)], tree.Version1().Stats().Io);
    }

    [Fact]
    public void Stats_AreReadFromEveryFile()
    {
        using var tree = new FakeTree(
            ("cpuacct.usage", "900\n"),
            ("cpuacct.usage_user", "600\n"),
            ("cpuacct.usage_sys", "300\n"),
            ("cpu.stat", "nr_periods 5\nnr_throttled 4\nthrottled_time 3\n"),
            ("memory.usage_in_bytes", "1000\n"),
            ("memory.limit_in_bytes", "5000\n"),
            ("memory.memsw.limit_in_bytes", "5070\n"),
            ("memory.max_usage_in_bytes", "2000\n"),
            ("memory.kmem.usage_in_bytes", "31\n"),
            ("memory.failcnt", "8\n"),
            ("memory.soft_limit_in_bytes", "9223372036854771712\n"),
            ("memory.stat", "pgfault 6\npgmajfault 1\ntotal_cache 600\ntotal_rss 300\ntotal_mapped_file 9\ntotal_swap 50\ntotal_pgfault 12\ntotal_pgmajfault 2\ntotal_inactive_file 400\n"),
            ("pids.current", "3\n"),
            ("pids.max", "max\n"));
        var stats = tree.Version1().Stats();

        Assert.Equal(new CpuStats(900, 600, 300, 5, 4, 3), stats.Cpu);
        var memory = new MemoryStats
        {
            Usage = 1000,
            WorkingSet = 600,
            Rss = 300,
            Cache = 600,
            PageFaults = 12,
            MajorPageFaults = 2,
            Swap = 50,
            Limit = 5000,
            SwapLimit = 70,
        };
        var detail = new MemoryDetail { Peak = 2000, Kernel = 31, LimitHits = 8, MappedFile = 9, OwnPageFaults = 6, OwnMajorPageFaults = 1 };
        Assert.Equal(memory with { Detail = detail }, stats.Memory);
        Assert.Equal(new PidsStats(3, null), stats.Pids);

        var parts = tree.Version1().Stats(StatsParts.Cpu | StatsParts.Memory);
        Assert.Equal((new CpuStats(900, 0, 0, 0, 0, 0), memory, null), (parts.Cpu, parts.Memory, parts.Pids));
    }

    [Theory]
    [InlineData("CpuShares")]
    [InlineData("CpuPeriod")]
    [InlineData("CpusetCpus")]
    [InlineData("BlkioWeight")]
    [InlineData("HugepageLimits")]
    public void Limits_OutOfRange_AreNamed(string name)
    {
        using var tree = new FakeTree();
        var limits = name switch
        {
            "CpuShares" => new CgroupLimits { CpuShares = 1 },
            "CpuPeriod" => new CgroupLimits { CpuPeriod = 10 },
            "CpusetCpus" => new CgroupLimits { CpusetCpus = "0;1" },
            "BlkioWeight" => new CgroupLimits { BlkioWeight = 5 },
            _ => new CgroupLimits { HugepageLimits = new Dictionary<string, ulong> { ["../2MB"] = 0 } },
        };

        Assert.Contains(name, Assert.Throws<ArgumentException>(() => tree.Version1().Apply(limits)).Message);
    }
}
