using Xunit;

namespace Crisp.Cgroups.Tests.V2;

/// <summary>What version 2's files are given and how they are read, on a tree of plain files.</summary>
public sealed class V2CgroupTests
{
    [Theory]
    [InlineData(100L, 300L, "100", "200")]
    [InlineData(100L, 100L, "100", "0")]
    [InlineData(100L, -1L, "100", "max")]
    [InlineData(-1L, -1L, "max", "max")]
    [InlineData(null, 700L, "500\n", "200")]
    [InlineData(100L, null, "100", "7\n")]
    public void Swap_IsTheDifference(long? memory, long? swap, string memoryMax, string swapMax)
    {
        using var tree = new FakeTree(("memory.max", "500\n"), ("memory.swap.max", "7\n"));
        tree.Version2().Apply(new CgroupLimits { MemoryLimit = memory, MemorySwapLimit = swap });

        Assert.Equal((memoryMax, swapMax), (tree.Read("memory.max"), tree.Read("memory.swap.max")));
    }

    [Theory]
    [InlineData(100L, 99L)]
    [InlineData(-1L, 100L)]
    [InlineData(null, 400L)]
    public void Swap_BelowMemory_WritesNothing(long? memory, long swap)
    {
        using var tree = new FakeTree(("memory.max", "500\n"), ("memory.swap.max", "7\n"));

        Assert.Throws<ArgumentException>(() => tree.Version2().Apply(new CgroupLimits { MemoryLimit = memory, MemorySwapLimit = swap }));
        Assert.Equal(("500\n", "7\n"), (tree.Read("memory.max"), tree.Read("memory.swap.max")));
    }

    [Fact]
    public void Swap_WithoutAccounting_NoneIsFineAndSomeIsRefused()
    {
        using var tree = new FakeTree(("memory.max", "max\n"));
        tree.Version2().Apply(new CgroupLimits { MemoryLimit = 100, MemorySwapLimit = 100 });

        var error = Assert.Throws<CgroupUnsupportedException>(() => tree.Version2().Apply(new CgroupLimits { MemoryLimit = 100, MemorySwapLimit = 200 }));
        Assert.Contains("memory.swap.max", error.Message);
    }

    [Theory]
    [InlineData(50000L, 200000UL, "50000 200000")]
    [InlineData(-1L, null, "max")]
    [InlineData(null, 50000UL, "7000 50000")]
    [InlineData(60000L, null, "60000")]
    public void CpuMax_KeepsWhatIsNotGiven(long? quota, ulong? period, string expected)
    {
        using var tree = new FakeTree(("cpu.max", "7000 100000\n"));
        tree.Version2().Apply(new CgroupLimits { CpuQuota = quota, CpuPeriod = period });

        Assert.Equal(expected, tree.Read("cpu.max"));
    }

    [Fact]
    public void Weights_AreConverted_AndBfqTakesItsOwn()
    {
        using var tree = new FakeTree(("cpu.weight", "100\n"), ("io.weight", "default 100\n"));
        tree.Version2().Apply(new CgroupLimits { CpuShares = 1024, BlkioWeight = 1000 });
        Assert.Equal(("100", "default 10000"), (tree.Read("cpu.weight"), tree.Read("io.weight")));
        Assert.Equal(((ulong?)1024, (ushort?)1000), (tree.Version2().ReadLimits().CpuShares, tree.Version2().ReadLimits().BlkioWeight));

        tree.Write("io.bfq.weight", "100\n");
        tree.Version2().Apply(new CgroupLimits { BlkioWeight = 500 });
        Assert.Equal(("500", (ushort?)500), (tree.Read("io.bfq.weight"), tree.Version2().ReadLimits().BlkioWeight));
    }

    [Fact]
    public void Hugepages_AreLimitedWithTheirReservations()
    {
        using var tree = new FakeTree(("hugetlb.2MB.max", "max\n"), ("hugetlb.2MB.rsvd.max", "max\n"));
        tree.Version2().Apply(new CgroupLimits { HugepageLimits = new Dictionary<string, ulong> { ["2MB"] = 4194304, ["1GB"] = 0 } });

        Assert.Equal(("4194304", "4194304"), (tree.Read("hugetlb.2MB.max"), tree.Read("hugetlb.2MB.rsvd.max")));
        Assert.False(tree.Has("hugetlb.1GB.max"));
        Assert.Throws<CgroupUnsupportedException>(() => tree.Version2().Apply(new CgroupLimits { HugepageLimits = new Dictionary<string, ulong> { ["1GB"] = 1 << 30 } }));
    }

    [Theory]
    [InlineData("../memory.max")]
    [InlineData("memory..max")]
    [InlineData("memory/max")]
    [InlineData("memory")]
    [InlineData("memory.")]
    [InlineData("cgroup.procs")]
    [InlineData("cgroup.kill")]
    public void Unified_WrongName_WritesNothing(string name)
    {
        using var tree = new FakeTree(("pids.max", "max\n"));

        Assert.Throws<ArgumentException>(() => tree.Version2().Apply(new CgroupLimits { PidsLimit = 5, Unified = new Dictionary<string, string> { [name] = "1" } }));
        Assert.Equal("max\n", tree.Read("pids.max"));
    }

    [Fact]
    public void Unified_Last_WinsAndMissingIsUnsupported()
    {
        using var tree = new FakeTree(("pids.max", "max\n"));
        tree.Version2().Apply(new CgroupLimits { PidsLimit = 5, Unified = new Dictionary<string, string> { ["pids.max"] = "9" } });
        Assert.Equal("9", tree.Read("pids.max"));

        var error = Assert.Throws<CgroupUnsupportedException>(() => tree.Version2().Apply(new CgroupLimits { Unified = new Dictionary<string, string> { ["misc.max"] = "9" } }));
        Assert.Contains("misc.max", error.Message);
        Assert.False(tree.Has("misc.max"));
    }

    [Fact]
    public void Stats_AreReadFromEveryFile()
    {
        using var tree = new FakeTree(
            ("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 5\nnr_throttled 4\nthrottled_usec 3\n"),
            ("memory.current", "1000\n"),
            ("memory.max", "max\n"),
            ("memory.swap.current", "50\n"),
            ("memory.swap.max", "70\n"),
            ("memory.peak", "2000\n"),
            ("memory.min", "64\n"),
            ("memory.events", "low 0\nhigh 0\nmax 8\noom 1\n"),
            ("memory.stat", "anon 300\nfile 600\nkernel 31\nfile_mapped 1\ninactive_file 400\npgfault 12\npgmajfault 2\n"),
            ("pids.current", "3\n"),
            ("pids.max", "10\n"),
            ("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n7:1 \n"),
            ("cpu.pressure", "some avg10=1.50 avg60=0.25 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"),
            ("io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"));
        var stats = tree.Version2().Stats();

        Assert.Equal(new CpuStats(30000, 20000, 10000, 5, 4, 3000), stats.Cpu);
        var memory = new MemoryStats { Usage = 1000, WorkingSet = 600, Rss = 300, Cache = 600, PageFaults = 12, MajorPageFaults = 2, Swap = 50, SwapLimit = 70 };
        var detail = new MemoryDetail { Peak = 2000, Kernel = 31, LimitHits = 8, Reservation = 64, MappedFile = 1, OwnPageFaults = 12, OwnMajorPageFaults = 2 };
        Assert.Equal(memory with { Detail = detail }, stats.Memory);
        Assert.Equal(new PidsStats(3, 10), stats.Pids);
        Assert.Equal([new IoStats(8, 0, 1, 2, 3, 4), new IoStats(7, 1, 0, 0, 0, 0)], stats.Io);
        Assert.Equal(new Pressure(new(1.5, 0.25, 0, 77), new(0, 0, 0, 5)), stats.CpuPressure);
        Assert.Null(stats.IoPressure!.Full);
        Assert.Null(stats.MemoryPressure);

        var parts = tree.Version2().Stats(StatsParts.Cpu | StatsParts.Memory);
        Assert.Equal(memory, parts.Memory);
        Assert.Equal((stats.Cpu, null, null), (parts.Cpu, parts.Pids, parts.CpuPressure));
        Assert.Empty(parts.Io);
    }

    [Fact]
    public void WorkingSet_NeverBelowZero()
    {
        using var tree = new FakeTree(("memory.current", "100\n"), ("memory.stat", "inactive_file 400\n"));

        Assert.Equal(0UL, tree.Version2().Stats().Memory!.WorkingSet);
    }

    [Fact]
    public void Limits_AreReadBack()
    {
        using var tree = new FakeTree(("cpu.max", "max 100000\n"), ("memory.max", "100\n"), ("memory.swap.max", "50\n"), ("pids.max", "max\n"), ("cpuset.cpus", "\n"));
        var limits = tree.Version2().ReadLimits();

        Assert.Equal((-1L, 100000UL), (limits.CpuQuota, limits.CpuPeriod));
        Assert.Equal((100L, 150L), (limits.MemoryLimit, limits.MemorySwapLimit));
        Assert.Equal(-1, limits.PidsLimit);
        Assert.Equal("", limits.CpusetCpus);
        Assert.Null(limits.CpuShares);
        Assert.Null(limits.BlkioWeight);
    }

    [Fact]
    public void OomKills_AreCountedWithoutTheGroups()
    {
        using var tree = new FakeTree(("memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 3\noom_group_kill 1\n"));

        Assert.Equal(3UL, tree.Version2().OomKillCount);
    }

    [Fact]
    public void Controllers_AreEnabledOneByOneOnTheWayDown()
    {
        using var tree = new FakeTree();
        File.WriteAllText($"{tree.Root}/cgroup.controllers", "cpuset cpu memory rdma\n");
        File.WriteAllText($"{tree.Root}/cgroup.subtree_control", "cpuset cpu\n");

        new Crisp.Cgroups.V2.V2Manager(tree.Root).Create(CgroupPath.Parse("a/b"));

        Assert.Equal("+memory", File.ReadAllText($"{tree.Root}/cgroup.subtree_control"));
        Assert.True(Directory.Exists($"{tree.Root}/a/b"));
    }
}
