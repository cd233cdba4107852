using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Xunit;

namespace Crisp.CriServer.Tests.Containers;

public sealed class ResourceLimitsTests
{
    [Fact]
    public void Zero_LeavesEveryControlAlone()
    {
        var spec = ResourceLimits.From(new LinuxContainerResources(), swapLimits: true);
        Assert.Null(spec.CpuShares);
        Assert.Null(spec.CpuQuota);
        Assert.Null(spec.MemoryLimit);
        Assert.Null(spec.MemorySwapLimit);
        Assert.Null(spec.CpusetCpus);
    }

    [Fact]
    public void MemoryLimit_IsOneForSwapTooWhereSwapIsAccounted()
    {
        var asked = new LinuxContainerResources { MemoryLimitInBytes = 1 << 20 };
        Assert.Equal(1 << 20, ResourceLimits.From(asked, swapLimits: true).MemorySwapLimit);
        Assert.Null(ResourceLimits.From(asked, swapLimits: false).MemorySwapLimit);
    }

    [Fact]
    public void Everything_ComesBackAsItWas()
    {
        var asked = new LinuxContainerResources
        {
            CpuPeriod = 100000,
            CpuQuota = 50000,
            CpuShares = 512,
            CpusetCpus = "0-1",
            CpusetMems = "0",
            MemoryLimitInBytes = 1 << 26,
            MemorySwapLimitInBytes = 1 << 27,
            OomScoreAdj = 500,
        };
        asked.HugepageLimits.Add(new HugepageLimit { PageSize = "2MB", Limit = 4 << 20 });
        asked.Unified.Add("memory.high", "1000");
        Assert.Equal(asked, ResourceLimits.ToCri(ResourceLimits.From(asked, swapLimits: true), 500));
    }

    [Fact]
    public void Update_LeavesWhatItDoesNotName()
    {
        var old = ResourceLimits.From(new LinuxContainerResources { CpuShares = 512, MemoryLimitInBytes = 1 << 26 }, false);
        var merged = ResourceLimits.Merge(old, ResourceLimits.From(new LinuxContainerResources { CpuShares = 1024 }, false));
        Assert.Equal(1024UL, merged.CpuShares);
        Assert.Equal(1 << 26, merged.MemoryLimit);
    }

    [Fact]
    public void MalformedResources_AreRefusedByName()
    {
        Refused(r => r.CpuPeriod = 1, "cpu_period");
        Refused(r => r.CpuQuota = -2, "cpu_quota");
        Refused(r => r.CpuQuota = 10, "cpu_quota");
        Refused(r => r.CpuShares = 1, "cpu_shares");
        Refused(r => r.CpuShares = 262145, "cpu_shares");
        Refused(r => r.MemoryLimitInBytes = -2, "memory_limit_in_bytes");
        Refused(r => r.CpusetCpus = "0-", "cpuset_cpus");
        Refused(r => r.CpusetCpus = "0\n", "cpuset_cpus");
        Refused(r => r.CpusetMems = "../0", "cpuset_mems");
        Refused(r => r.HugepageLimits.Add(new HugepageLimit { PageSize = "../2MB" }), "page_size");
        Refused(r => r.Unified.Add("../cgroup.procs", "1"), "unified");
        Refused(r => r.Unified.Add("memory", "1"), "unified");
        Refused(r => (r.MemoryLimitInBytes, r.MemorySwapLimitInBytes) = (2000, 1000), "memory_swap_limit_in_bytes");
    }

    private static void Refused(Action<LinuxContainerResources> change, string field)
    {
        var asked = new LinuxContainerResources();
        change(asked);
        var error = Assert.Throws<CriException>(() => ResourceLimits.From(asked, swapLimits: true));
        Assert.Contains(field, error.Message, StringComparison.Ordinal);
    }
}
