using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Xunit;

namespace Crisp.CriServer.Tests.Containers;

public sealed class StopSignalsTests
{
    [Theory]
    [InlineData("SIGTERM", 15)]
    [InlineData("quit", 3)]
    [InlineData("9", 9)]
    [InlineData("SIGRTMIN+3", 37)]
    [InlineData("RTMAX-1", 63)]
    [InlineData("SIGRTMIN", 34)]
    [InlineData("SIGPOLL", 29)]
    public void Names_AreTheKernelsNumbers(string name, int number) => Assert.Equal(number, StopSignals.Number(name));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("65")]
    [InlineData("SIG")]
    [InlineData("SIGRTMIN+31")]
    [InlineData("SIGRTMAX-31")]
    [InlineData("TERM; rm -rf /")]
    public void WhatIsNoSignal_IsNotParsed(string name) => Assert.False(StopSignals.TryParse(name, out _));

    [Fact]
    public void EverySignalOfCri_HasANumberAndComesBack()
    {
        foreach (var signal in Enum.GetValues<Signal>().Where(s => s != Signal.RuntimeDefault))
        {
            var name = StopSignals.Choose(signal, null);
            Assert.True(StopSignals.TryParse(name!, out var number), name);
            Assert.Equal(number, StopSignals.Number(StopSignals.Choose(StopSignals.ToCri(name), null)));
        }
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("nonsense", null)]
    [InlineData("SIGQUIT", "SIGQUIT")]
    [InlineData("35", "SIGRTMIN+1")]
    public void Image_ChoosesWhereTheRequestDoesNot(string? image, string? expected)
        => Assert.Equal(expected, StopSignals.Choose(Signal.RuntimeDefault, image));

    [Fact]
    public void Request_ComesFirst() => Assert.Equal("SIGUSR1", StopSignals.Choose(Signal.Sigusr1, "SIGQUIT"));
}
