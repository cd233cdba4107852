using Xunit;

namespace Crisp.Network.Tests;

public sealed class CniVersionTests
{
    [Theory]
    [InlineData("0.3.1", 0, 3, 1)]
    [InlineData("1.1.0", 1, 1, 0)]
    [InlineData("10.20.30", 10, 20, 30)]
    public void Version_IsThreeNumbers(string text, int major, int minor, int patch)
    {
        Assert.True(CniVersion.TryParse(text, out var version));
        Assert.Equal(new CniVersion(major, minor, patch), version);
        Assert.Equal(text, version.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1.0")]
    [InlineData("1.0.0.0")]
    [InlineData("1.0.-1")]
    [InlineData(" 1.0.0")]
    [InlineData("1.0.0-rc1")]
    [InlineData("1.0.99999999999")]
    [InlineData("v1.0.0")]
    public void OtherText_IsNoVersion(string? text) => Assert.False(CniVersion.TryParse(text, out _));

    [Fact]
    public void Versions_AreOrderedByTheirNumbers()
    {
        Assert.True(new CniVersion(0, 10, 0) > CniVersion.V040);
        Assert.True(CniVersion.V100 < CniVersion.V110);
        Assert.Equal(CniVersion.Known, CniVersion.Known.Order());
    }
}
