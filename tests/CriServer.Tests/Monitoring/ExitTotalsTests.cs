using Crisp.CriServer.Monitoring;
using Xunit;

namespace Crisp.CriServer.Tests.Monitoring;

public sealed class ExitTotalsTests
{
    private readonly ExitTotals _totals = new();

    [Fact]
    public void Machines_AreAddedUp()
    {
        Assert.Equal("hlt 3, io 30", Add(Of("a", ("io", 10), ("hlt", 3)), Of("b", ("io", 20))));
        Assert.Equal("io 5, mmio 1", Add(Of("a", ("io", 15), ("hlt", 3)), Of("b", ("io", 20), ("mmio", 1))));
        Assert.Equal("", Add());
    }

    [Fact]
    public void MachineThatIsGone_TakesNothingAway_AndItsNameBeginsAnew()
    {
        Add(Of("a", ("io", 10)));
        Assert.Equal("", Add());
        Assert.Equal("io 4", Add(Of("a", ("io", 4))));
    }

    [Fact]
    public void MachineOlderThanTheDaemon_CountsFromTheFirstLook()
    {
        Assert.Equal("io 0", Add(Of("a", ("io", 1_000_000)) with { IsRestored = true }));
        Assert.Equal("io 7", Add(Of("a", ("io", 1_000_007)) with { IsRestored = true }));
    }

    [Fact]
    public void MachineThatDoesNotAnswer_IsNotForgotten()
    {
        Add(Of("a", ("io", 10)));
        _totals.Add([], ["a"]);
        Assert.Equal("io 2", Add(Of("a", ("io", 12))));
    }

    [Fact]
    public void OlderAnswerThatComesLater_IsNotCounted()
    {
        Add(Of("a", ("io", 10)));
        Assert.Equal("", Add(Of("a", ("io", 8))));
        Assert.Equal("io 1", Add(Of("a", ("io", 11))));
    }

    private static MachineExits Of(string id, params (string Reason, ulong Count)[] exits) => new(id, exits.ToDictionary(e => e.Reason, e => e.Count), IsRestored: false);

    private string Add(params MachineExits[] read) =>
        string.Join(", ", _totals.Add(read, read.Select(m => m.Id)).Where(a => read.Length > 0).OrderBy(a => a.Key).Select(a => $"{a.Key} {a.Value}"));
}
