using Xunit;

namespace Crisp.Cgroups.Tests;

public sealed class ConversionTests
{
    [Theory]
    [InlineData(2, 1)]
    [InlineData(1024, 100)]
    [InlineData(2048, 174)]
    [InlineData(262144, 10000)]
    public void Shares_BecomeWeights(ulong shares, ulong weight) => Assert.Equal(weight, CpuShares.ToWeight(shares));

    [Fact]
    public void Weights_ComeBackAsSharesOfTheSameWeight()
    {
        Assert.Equal((2UL, 1024UL, 262144UL), (CpuShares.FromWeight(1), CpuShares.FromWeight(100), CpuShares.FromWeight(10000)));
        for (var shares = 2UL; shares <= 262144; shares += 7)
        {
            var weight = CpuShares.ToWeight(shares);
            Assert.Equal(weight, CpuShares.ToWeight(CpuShares.FromWeight(weight)));
        }
    }

    [Fact]
    public void Shares_NeverLoseOrder()
    {
        for (var shares = 3UL; shares < 262144; shares++)
        {
            Assert.True(CpuShares.ToWeight(shares) >= CpuShares.ToWeight(shares - 1));
        }
    }

    [Fact]
    public void BlkioWeights_GoThereAndBack()
    {
        Assert.Equal((1UL, 10000UL), (IoWeight.FromBlkio(10), IoWeight.FromBlkio(1000)));
        for (ushort weight = 10; weight <= 1000; weight++)
        {
            Assert.Equal(weight, IoWeight.ToBlkio(IoWeight.FromBlkio(weight)));
        }
    }

    [Theory]
    [InlineData(2048, "2MB")]
    [InlineData(1048576, "1GB")]
    [InlineData(64, "64KB")]
    [InlineData(16777216, "16GB")]
    public void HugepageSizes_AreNamedAsTheKernelDoes(long kilobytes, string name) => Assert.Equal(name, HugepageSizes.Name(kilobytes));
}
