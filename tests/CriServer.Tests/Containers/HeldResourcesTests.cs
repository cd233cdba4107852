using Crisp.Cgroups;
using Crisp.CriServer.Containers;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.CriServer.Tests.Containers;

/// <summary>What a cgroup holds, told in the words of what was asked for.</summary>
public sealed class HeldResourcesTests
{
    [Theory]
    [InlineData(null, 1024, null)]
    [InlineData(null, 512, 512)]
    [InlineData(515, 515, 515)]
    [InlineData(515, 2, 2)]
    public void Shares_AreThoseOfTheCgroup(int? asked, int held, int? told)
        => Assert.Equal((ulong?)told, HeldResources.Of(new ResourcesSpec { CpuShares = (ulong?)asked }, new CgroupLimits { CpuShares = (ulong)held }).CpuShares);

    [Fact]
    public void EveryShares_SurvivesTheWeightOfCgroup2()
    {
        for (var shares = 2UL; shares <= 262144; shares += 7)
        {
            var held = new CgroupLimits { CpuShares = CpuShares.FromWeight(CpuShares.ToWeight(shares)) };
            Assert.Equal(shares, HeldResources.Of(new ResourcesSpec { CpuShares = shares }, held).CpuShares);
        }
    }

    [Theory]
    [InlineData(null, -1L, null)]
    [InlineData(-1L, -1L, -1L)]
    [InlineData(null, 8192L, 8192L)]
    [InlineData(8193L, 8192L, 8193L)]
    [InlineData(8193L, 4096L, 4096L)]
    [InlineData(8193L, -1L, -1L)]
    [InlineData(8193L, null, 8193L)]
    public void Memory_IsThatOfTheCgroup(long? asked, long? held, long? told)
    {
        var resources = HeldResources.Of(new ResourcesSpec { MemoryLimit = asked, MemorySwapLimit = asked }, new CgroupLimits { MemoryLimit = held, MemorySwapLimit = held });
        Assert.Equal((told, told), (resources.MemoryLimit, resources.MemorySwapLimit));
    }

    [Theory]
    [InlineData(null, null, -1L, 100_000, null, null)]
    [InlineData(null, null, 5_000L, 100_000, 5_000L, 100_000)]
    [InlineData(5_000L, 50_000, 6_000L, 60_000, 6_000L, 60_000)]
    [InlineData(5_000L, 50_000, -1L, 50_000, -1L, 50_000)]
    public void Quota_IsThatOfTheCgroup(long? asked, int? askedPeriod, long held, int heldPeriod, long? told, int? toldPeriod)
    {
        var resources = HeldResources.Of(
            new ResourcesSpec { CpuQuota = asked, CpuPeriod = (ulong?)askedPeriod },
            new CgroupLimits { CpuQuota = held, CpuPeriod = (ulong)heldPeriod });
        Assert.Equal((told, (ulong?)toldPeriod), (resources.CpuQuota, resources.CpuPeriod));
    }

    [Fact]
    public void ProcessorList_IsTheCgroupsWhereOneWasAskedFor()
    {
        var held = new CgroupLimits { CpusetCpus = "0-1", CpusetMems = "" };
        Assert.Equal("0-1", HeldResources.Of(new ResourcesSpec { CpusetCpus = "0" }, held).CpusetCpus);
        Assert.Null(HeldResources.Of(new ResourcesSpec(), held).CpusetCpus);
        Assert.Equal("0", HeldResources.Of(new ResourcesSpec { CpusetMems = "0" }, held).CpusetMems);
    }
}
