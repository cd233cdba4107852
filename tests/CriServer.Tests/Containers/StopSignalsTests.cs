using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.Linux;
using Xunit;

namespace Crisp.CriServer.Tests.Containers;

public sealed class StopSignalsTests
{
    [Fact]
    public void EverySignalOfCri_HasANumberAndComesBack()
    {
        foreach (var signal in Enum.GetValues<Signal>().Where(s => s != Signal.RuntimeDefault))
        {
            var name = StopSignals.Choose(signal, null);
            Assert.True(SignalNames.TryParse(name!, out var number), name);
            Assert.Equal(number, SignalNames.StopSignal(StopSignals.Choose(StopSignals.ToCri(name), null)));
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
