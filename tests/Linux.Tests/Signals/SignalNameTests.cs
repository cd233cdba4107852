using Xunit;

namespace Crisp.Linux.Tests.Signals;

public sealed class SignalNameTests
{
    [Theory]
    [InlineData("SIGTERM", 15)]
    [InlineData("quit", 3)]
    [InlineData("9", 9)]
    [InlineData("SIGRTMIN+3", 37)]
    [InlineData("RTMAX-1", 63)]
    [InlineData("SIGRTMIN", 34)]
    [InlineData("SIGPOLL", 29)]
    public void Names_AreTheKernelsNumbers(string name, int number) => Assert.Equal(number, SignalNames.StopSignal(name));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("65")]
    [InlineData("SIG")]
    [InlineData("SIGRTMIN+31")]
    [InlineData("SIGRTMAX-31")]
    [InlineData("TERM; rm -rf /")]
    public void WhatIsNoSignal_IsNotParsed(string name) => Assert.False(SignalNames.TryParse(name, out _));

    [Theory]
    [InlineData(null)]
    [InlineData("nonsense")]
    public void WhatIsNone_StopsBySigterm(string? name) => Assert.Equal(15, SignalNames.StopSignal(name));

    [Fact]
    public void EveryNumber_HasANameThatIsRead()
    {
        foreach (var number in Enumerable.Range(1, 64).Where(n => n is < 32 or >= 34))
        {
            Assert.True(SignalNames.TryParse(SignalNames.Of(number), out var read));
            Assert.Equal(number, read);
        }
    }
}
