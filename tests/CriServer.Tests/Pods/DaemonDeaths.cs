using Crisp.CriServer.State;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>Kills the daemon of a node while pods live, and compares what there is with what there should be.</summary>
/// <param name="handler">Of the pods.</param>
internal sealed class DaemonDeaths(PodNode node, string handler = "")
{
    /// <summary>Kills it at the failpoint, in a pod's life each time: at the first hit, or at every one that there is.</summary>
    public async Task AtAsync(FailpointName name, bool everyHit)
    {
        for (var hit = 1; ; hit++)
        {
            await node.Daemon.StopAsync();
            await node.Daemon.StartAgainAsync(("CRISP_FAILPOINT", $"{name}:{hit}"));
            var died = false;
            var life = new PodLife(node, handler, async () =>
            {
                await node.Daemon.WaitForExitAsync();
                died = true;
                await node.Daemon.StartAgainAsync();
                await Invariants.CheckAsync(node);
            });
            await life.RunAsync(TestContext.Current.CancellationToken);
            await Invariants.CheckAsync(node);
            Assert.Empty(Invariants.CgroupsOf(node));
            Assert.True(died || hit > 1, $"The failpoint {name} is passed by no call of a pod's life.");
            if (!died || !everyHit)
            {
                return;
            }
        }
    }

    /// <summary>Kills it at any moment.</summary>
    /// <param name="workers">Pods at a time.</param>
    /// <param name="longest">Between two deaths.</param>
    public async Task AtRandomAsync(int workers, int kills, TimeSpan longest)
    {
        const int Shortest = 5;
        var random = new Random(20260101);
        using var enough = new CancellationTokenSource();
        var lives = Enumerable.Range(0, workers).Select(_ => Task.Run(() => LiveAsync(enough))).ToList();
        for (var killed = 0; killed < kills; killed++)
        {
            await Task.Delay(random.Next(Shortest, (int)longest.TotalMilliseconds), TestContext.Current.CancellationToken);
            await node.Daemon.KillAsync();
            await node.Daemon.StartAgainAsync();
        }

        await enough.CancelAsync();
        Assert.True((await Task.WhenAll(lives)).Sum() > 0, "No call was ever in flight.");
        await Invariants.CheckAsync(node);
        Assert.Empty(Invariants.CgroupsOf(node));
    }

    // Lives one after the other, each to its end.
    private async Task<int> LiveAsync(CancellationTokenSource enough)
    {
        var repeated = 0;
        while (!enough.IsCancellationRequested)
        {
            var life = new PodLife(node, handler, () => Task.Delay(20));
            await life.RunAsync(CancellationToken.None);
            repeated += life.Repeated;
        }

        return repeated;
    }
}
