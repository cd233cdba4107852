using Crisp.CriServer.Configuration;
using CsCheck;
using Xunit;

namespace Crisp.CriServer.Tests.Configuration;

public sealed class DurationTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("250ms", 250)]
    [InlineData("10s", 10_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("2h0m1ms", 7_200_001)]
    public void Time_IsTheSumOfItsParts(string text, int milliseconds) =>
        Assert.Equal((true, TimeSpan.FromMilliseconds(milliseconds)), (Duration.TryParse(text, out var time), time));

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1.5s")]
    [InlineData("10 s")]
    [InlineData("10sec")]
    [InlineData("30s1m")]
    [InlineData("1s1s")]
    [InlineData("99999999999s")]
    [InlineData("2147483647h")]
    [InlineData("256204778h2147483647m")]
    public void WhatIsNoTime_IsRefused(string text) => Assert.False(Duration.TryParse(text, out _));

    [Fact]
    public void AnyTime_IsShownAsItIsRead() => Gen.Int[0, int.MaxValue].Sample(milliseconds =>
    {
        var time = TimeSpan.FromMilliseconds(milliseconds);
        Assert.True(Duration.TryParse(Duration.Show(time), out var read));
        Assert.Equal(time, read);
    });
}
