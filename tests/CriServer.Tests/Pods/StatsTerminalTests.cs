using Crisp.CriServer.Tests.CommandLine;
using Crisp.Images.Tests;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>crisp stats on a terminal: a table that is drawn again and again, until Ctrl-C.</summary>
public sealed class StatsTerminalTests(PodNode node) : IClassFixture<PodNode>
{
    [Fact]
    public async Task Table_IsRedrawnInPlaceUntilCtrlC()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var first = await node.LaunchAsync(pod, ["sh", "-c", "while :; do :; done"]);
        var second = await node.SleeperAsync(pod);
        using var terminal = CrispTerminal.Start(120, 24, "stats", "--socket", node.Daemon.SocketPath);
        var modes = terminal.Modes;
        await Eventually.TrueAsync(() => Rows(terminal).Count() == 2);
        Assert.Equal(new[] { first[..12], second[..12] }.Order(), Rows(terminal).Order());

        // One that ends disappears from the screen, and nothing of its line stays.
        await node.StopAsync(second);
        await Eventually.TrueAsync(() => Rows(terminal).SequenceEqual([first[..12]]));
        Assert.Equal(2, terminal.Screen.Count);
        Assert.StartsWith("CONTAINER ", terminal.Screen[0], StringComparison.Ordinal);

        terminal.Type("\u0003");
        Assert.Equal(130, await terminal.EndAsync());
        Assert.Equal(["CONTAINER", first[..12], "^C"], terminal.Screen.Select(l => l.Split(' ')[0]));
        Assert.Equal(modes, terminal.Modes);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task TableLargerThanTheTerminal_IsCutAtItsEdges()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        for (var i = 0; i < 5; i++)
        {
            await node.SleeperAsync(pod);
        }

        using var terminal = CrispTerminal.Start(40, 5, "stats", "--socket", node.Daemon.SocketPath);
        await Eventually.TrueAsync(() => terminal.Text.Split("CONTAINER").Length > 3);
        Assert.StartsWith("CONTAINER ", terminal.Screen[0], StringComparison.Ordinal);
        Assert.Equal(2, Rows(terminal).Count());
        Assert.Equal("3 more", terminal.Screen[3]);
        Assert.Equal(4, terminal.Screen.Count);
        await node.RemovePodAsync(pod);
    }

    private static IEnumerable<string> Rows(CrispTerminal terminal)
        => terminal.Screen.Select(l => l.Split(' ')[0]).Where(l => l.Length == 12);
}
