using CsCheck;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class CapabilitySetTests
{
    [Fact]
    public void Of_Names_IsTheirBits()
    {
        var set = CapabilitySet.Of("CAP_CHOWN", "CAP_CHECKPOINT_RESTORE", "CAP_CHOWN");

        Assert.Equal((1UL << 40) | 1, set.Bits);
        Assert.Equal([0, 40], set.Numbers);
        Assert.Equal("CAP_CHOWN|CAP_CHECKPOINT_RESTORE", set.ToString());
        Assert.True(set.Contains(40));
        Assert.False(set.Contains(1));
    }

    [Theory]
    [InlineData("CAP_NOTHING")]
    [InlineData("chown")]
    [InlineData("cap_chown")]
    [InlineData("")]
    public void Of_AnUnknownName_SaysWhich(string name)
        => Assert.StartsWith($"{name} is no capability", Assert.Throws<ArgumentException>(() => CapabilitySet.Of("CAP_KILL", name)).Message);

    [Fact]
    public void NamesAndNumbers_AreInverse()
        => Gen.ULong.Select(bits => new CapabilitySet(bits & CapabilitySet.All.Bits))
            .Sample(set => Assert.Equal(set, CapabilitySet.Of(set.Numbers.Select(CapabilitySet.NameOf))));

    [Fact]
    public void EveryBit_IsANumber()
        => Gen.ULong.Sample(bits => Assert.Equal(bits, new CapabilitySet(bits).Numbers.Aggregate(0UL, (all, n) => all | (1UL << n))));

    [Fact]
    public void Operators_AreThoseOfTheBits()
        => Gen.Select(Gen.ULong, Gen.ULong).Sample((a, b) =>
        {
            Assert.Equal(a | b, (new CapabilitySet(a) | new CapabilitySet(b)).Bits);
            Assert.Equal(a & b, (new CapabilitySet(a) & new CapabilitySet(b)).Bits);
        });

    [Fact]
    public void NumberWithoutAName_IsShownAsANumber()
    {
        Assert.Equal("CAP_50", CapabilitySet.NameOf(50));
        Assert.Equal(-1, CapabilitySet.NumberOf("CAP_50"));
        Assert.True(CapabilitySet.Empty.IsEmpty);
        Assert.False(CapabilitySet.All.IsEmpty);
    }
}
