using Xunit;

namespace Crisp.Linux.Tests;

public sealed class MacAddressTests
{
    [Fact]
    public void Text_IsThatOfTheBytes()
    {
        var mac = MacAddress.Parse("02:42:AC:11:00:fe");
        Assert.Equal([0x02, 0x42, 0xAC, 0x11, 0x00, 0xFE], mac.ToBytes());
        Assert.Equal("02:42:ac:11:00:fe", mac.ToString());
        Assert.Equal(mac, new MacAddress([0x02, 0x42, 0xAC, 0x11, 0x00, 0xFE]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("02:42:ac:11:00")]
    [InlineData("02:42:ac:11:00:fe:00")]
    [InlineData("02:42:ac:11:00:g1")]
    [InlineData("2:42:ac:11:00:fe")]
    [InlineData("+2:42:ac:11:00:fe")]
    [InlineData("02-42-ac-11-00-fe")]
    public void WhatIsNoAddress_IsRefused(string text) => Assert.Throws<FormatException>(() => MacAddress.Parse(text));
}
