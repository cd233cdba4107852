using Crisp.NodeAgent.CommandLine;
using Xunit;

namespace Crisp.NodeAgent.Tests.CommandLine;

public sealed class AgentSettingsTests
{
    [Theory]
    [InlineData("90s", 90)]
    [InlineData("1h30m", 5400)]
    [InlineData("86400h", 311_040_000)]
    public void Time_IsRead(string text, int seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), AgentSettings.ParseTime("--timeout", text));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("0s")]
    [InlineData("soon")]
    [InlineData("15")]
    [InlineData("-1m")]
    [InlineData("86401h")]
    [InlineData("2147483647h")]
    public void WhatIsNoTime_OrTooLong_IsASentence(string text)
    {
        var error = Assert.Throws<OptionException>(() => AgentSettings.ParseTime("--timeout", text));
        Assert.Equal($"--timeout must be a time such as \"90s\", \"15m\" or \"1h\"; it is \"{text}\".", error.Message);
    }
}
