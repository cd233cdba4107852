using Xunit;

namespace Crisp.Cgroups.Tests;

/// <summary>Limits of a real cgroup, read back.</summary>
public sealed class LimitTests : IDisposable
{
    private const long Megabyte = 1 << 20;
    private readonly CgroupFixture _fixture = new();

    private ICgroup Cgroup => _fixture.Cgroup;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Cpu_IsHeld_AndUpdatedInPart()
    {
        _fixture.Requires("cpu");
        Cgroup.Apply(new CgroupLimits { CpuShares = 1024, CpuQuota = 50000, CpuPeriod = 100000 });
        Assert.Equal((1024UL, 50000L, 100000UL), Cpu());

        Cgroup.Apply(new CgroupLimits { CpuQuota = 20000 });
        Assert.Equal((1024UL, 20000L, 100000UL), Cpu());

        Cgroup.Apply(new CgroupLimits { CpuPeriod = 50000, CpuShares = 2 });
        Assert.Equal((2UL, 20000L, 50000UL), Cpu());

        Cgroup.Apply(new CgroupLimits { CpuQuota = -1 });
        Assert.Equal((2UL, -1L, 50000UL), Cpu());
    }

    [Fact]
    public void Memory_RaisedAndLoweredWithSwap_NeverCrosses()
    {
        RequiresSwapLimit();
        foreach (var (memory, swap) in new[] { (64L, 128L), (256L, 256L), (32L, 32L), (512L, 1024L), (48L, 600L), (-1, -1), (16L, 16L) })
        {
            var limits = new CgroupLimits { MemoryLimit = Bytes(memory), MemorySwapLimit = Bytes(swap) };
            Cgroup.Apply(limits);
            var held = Cgroup.ReadLimits();
            Assert.Equal((limits.MemoryLimit, limits.MemorySwapLimit), (held.MemoryLimit, held.MemorySwapLimit));
        }
    }

    [Fact]
    public void Memory_Unlimited_TakesSwapAlong()
    {
        RequiresSwapLimit();
        Cgroup.Apply(new CgroupLimits { MemoryLimit = 64 * Megabyte, MemorySwapLimit = 64 * Megabyte });

        Cgroup.Apply(new CgroupLimits { MemoryLimit = -1 });

        Assert.Equal(-1, Cgroup.ReadLimits().MemoryLimit);
    }

    [Fact]
    public void Swap_BelowMemory_IsRefused()
    {
        _fixture.Requires("memory");
        Assert.Throws<ArgumentException>(() => Cgroup.Apply(new CgroupLimits { MemoryLimit = 64 * Megabyte, MemorySwapLimit = 32 * Megabyte }));
        Assert.Equal(-1, Cgroup.ReadLimits().MemoryLimit);
    }

    [Fact]
    public void Pids_AreHeld_AndStopForks()
    {
        _fixture.Requires("pids");
        Cgroup.Apply(new CgroupLimits { PidsLimit = 2 });
        Assert.Equal(2, Cgroup.ReadLimits().PidsLimit);
        Assert.Contains("fork", _fixture.Output("sleep 1 & sleep 1 & sleep 1 & wait"));

        Cgroup.Apply(new CgroupLimits { PidsLimit = -1 });
        Assert.Equal(-1, Cgroup.ReadLimits().PidsLimit);
    }

    [Fact]
    public void Cpuset_IsHeld_AndAllowsNoOthers()
    {
        _fixture.Requires("cpuset");
        Cgroup.Apply(new CgroupLimits { CpusetCpus = "0", CpusetMems = "0" });

        Assert.Equal(("0", "0"), (Cgroup.ReadLimits().CpusetCpus, Cgroup.ReadLimits().CpusetMems));
        Assert.Equal("1", _fixture.Output("nproc"));
    }

    [Fact]
    public void Cpuset_NotThere_NamesFileValueAndError()
    {
        _fixture.Requires("cpuset");
        var error = Assert.Throws<CgroupException>(() => Cgroup.Apply(new CgroupLimits { CpusetMems = "1023" }));

        Assert.Contains("\"1023\"", error.Message);
        Assert.Contains("cpuset.mems", error.Message);
    }

    [Fact]
    public void Hugepages_NoneAskedFor_AreAllowedEverywhere()
    {
        Cgroup.Apply(new CgroupLimits { HugepageLimits = new Dictionary<string, ulong> { ["2MB"] = 0 } });
    }

    [Fact]
    public void Hugepages_AreHeldOrRefused()
    {
        var limits = new CgroupLimits { HugepageLimits = new Dictionary<string, ulong> { ["2MB"] = 4 << 20 } };
        if (!_fixture.Manager.Facts.HugepageSizes.Contains("2MB"))
        {
            Assert.Contains("2MB", Assert.Throws<CgroupUnsupportedException>(() => Cgroup.Apply(limits)).Message);
            return;
        }

        Cgroup.Apply(limits);
        Assert.Equal(4UL << 20, Cgroup.ReadLimits().HugepageLimits["2MB"]);
    }

    [Fact]
    public void IoWeight_IsHeldOrRefused()
    {
        _fixture.Requires("io");
        try
        {
            Cgroup.Apply(new CgroupLimits { BlkioWeight = 500 });
        }
        catch (CgroupUnsupportedException e)
        {
            Assert.Contains("weight", e.Message);
            return;
        }

        Assert.Equal((ushort)500, Cgroup.ReadLimits().BlkioWeight);
    }

    [Fact]
    public void Unified_OnVersion1_IsRefused_OnVersion2Written()
    {
        var limits = new CgroupLimits { Unified = new Dictionary<string, string> { ["memory.high"] = "104857600" } };
        if (_fixture.IsV1)
        {
            Assert.Contains("memory.high", Assert.Throws<CgroupUnsupportedException>(() => Cgroup.Apply(limits)).Message);
            return;
        }

        _fixture.Requires("memory");
        Cgroup.Apply(limits);
        Assert.Equal("104857600\n", File.ReadAllText($"{_fixture.DirectoryOf("memory")}/memory.high"));
    }

    [Fact]
    public void Stats_OfWork_AreThere()
    {
        _fixture.Requires("memory");
        _fixture.Run("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; sleep 100").StandardOutput.ReadLine();

        // The kernel gathers memory.stat in batches and every two seconds.
        CgroupFixture.WaitFor(() => Cgroup.Stats().Memory is { Rss: > 0, PageFaults: > 0 }, "memory.stat is gathered");
        var stats = Cgroup.Stats();

        Assert.True(stats.Cpu!.Usage > 1_000_000, $"{stats.Cpu}");
        Assert.True(stats.Cpu.User > 0);
        Assert.InRange(stats.Memory!.Usage, 4096UL, 1UL << 30);
        Assert.InRange(stats.Memory.WorkingSet, 1UL, stats.Memory.Usage);
        Assert.Null(stats.Memory.Limit);
        Assert.InRange(stats.Pids!.Current, 1UL, 2UL);
        Assert.Equal(_fixture.Manager.Facts.Pressure, stats.CpuPressure is not null);
    }

    [Fact]
    public void Stats_Throttled_AreCounted()
    {
        _fixture.Requires("cpu");
        Cgroup.Apply(new CgroupLimits { CpuQuota = 2000, CpuPeriod = 20000 });
        _fixture.Run("while :; do :; done");

        CgroupFixture.WaitFor(() => Cgroup.Stats().Cpu is { ThrottledPeriods: > 0, ThrottledTime: > 0 }, "throttling");
    }

    private static long Bytes(long megabytes) => megabytes == -1 ? -1 : megabytes * Megabyte;

    private (ulong?, long?, ulong?) Cpu()
    {
        var limits = Cgroup.ReadLimits();
        return (limits.CpuShares, limits.CpuQuota, limits.CpuPeriod);
    }

    private void RequiresSwapLimit()
    {
        _fixture.Requires("memory");
        Assert.SkipWhen(Cgroup.ReadLimits().MemorySwapLimit is null, "needs swap accounting");
    }
}
