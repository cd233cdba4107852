using Crisp.CriServer.CommandLine;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

public sealed class AgeTests
{
    [Theory]
    [InlineData("-00:00:05", "0s")]
    [InlineData("00:00:00.9", "0s")]
    [InlineData("00:00:59", "59s")]
    [InlineData("00:01:00", "1m")]
    [InlineData("00:04:10", "4m10s")]
    [InlineData("00:10:59", "10m")]
    [InlineData("00:59:59", "59m")]
    [InlineData("01:00:00", "1h")]
    [InlineData("09:59:00", "9h59m")]
    [InlineData("23:59:00", "23h")]
    [InlineData("1.00:30:00", "1d")]
    [InlineData("5.02:00:00", "5d2h")]
    [InlineData("400.02:00:00", "400d")]
    public void Age_HasAtMostTwoUnits(string age, string text) => Assert.Equal(text, Age.Show(TimeSpan.Parse(age)));

    [Fact]
    public void Since_CountsFromNanosecondsOfTheEpoch() =>
        Assert.Equal("2m", Age.Since(1_000_000_000_000, DateTimeOffset.FromUnixTimeSeconds(1120)));
}
