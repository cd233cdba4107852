using Crisp.CriServer.Stats;
using Xunit;

namespace Crisp.CriServer.Tests.Stats;

public sealed class CpuWindowTests
{
    private readonly CpuWindow _window = new();

    [Fact]
    public void FirstSample_HasNoRate() => Assert.Null(Add(0, 1000));

    [Fact]
    public void Rate_IsUsagePerSecondOfTheWindow()
    {
        Add(0, 1_000_000_000);
        Assert.Equal(500_000_000UL, Add(10, 6_000_000_000));
        Assert.Equal(2_000_000_000UL, Add(11, 8_000_000_000));
        Assert.Equal(0UL, Add(12, 8_000_000_000));
    }

    [Fact]
    public void QuestionsInBetween_GetTheLastAnswerAndLeaveTheWindowAlone()
    {
        Add(0, 0);
        Assert.Null(Add(0.1, 900_000_000));
        Assert.Equal(100_000_000UL, Add(10, 1_000_000_000));
        Assert.Equal(100_000_000UL, Add(10.001, 1_001_000_000));
        Assert.Equal(100_000_000UL, Add(10.4, 1_400_000_000));
        Assert.Equal(1_000_000_000UL, Add(11, 2_000_000_000));
    }

    [Fact]
    public void UsageThatGoesBack_IsAnotherCgroupsAndBeginsAnew()
    {
        Add(0, 5_000_000_000);
        Assert.Null(Add(1, 1_000_000_000));
        Assert.Equal(1_000_000_000UL, Add(2, 2_000_000_000));
    }

    private ulong? Add(double seconds, ulong usage) => _window.Add(TimeSpan.FromSeconds(seconds), usage);
}
