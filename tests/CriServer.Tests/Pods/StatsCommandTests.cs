using Crisp.CriServer.Tests.Daemon;
using Crisp.Linux;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>crisp stats and crisp events as a person runs them.</summary>
public sealed class StatsCommandTests(PodNode node) : IClassFixture<PodNode>
{
    [Fact]
    public async Task Stats_ShowsWhatRuns()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", "while :; do :; done"]);
        var idle = await node.CreateAsync(pod, ["true"]);
        var (code, output, error) = await CrispProcess.RunAsync("stats", "--socket", node.Daemon.SocketPath);
        Assert.Equal((0, ""), (code, error));
        var row = Assert.Single(output.Split('\n'), l => l.StartsWith(container[..12], StringComparison.Ordinal)).Split("   ", StringSplitOptions.RemoveEmptyEntries);
        Assert.InRange(double.Parse(row[3]), 1, 110);
        Assert.DoesNotContain(idle[..12], output, StringComparison.Ordinal);
        (_, output, _) = await CrispProcess.RunAsync("stats", "--pods", "--socket", node.Daemon.SocketPath);
        Assert.Contains($"\n{pod[..12]}   default/", output, StringComparison.Ordinal);
        (code, output, _) = await CrispProcess.RunAsync("stats", idle, "-o", "json", "--socket", node.Daemon.SocketPath);
        Assert.Equal(0, code);
        Assert.Contains("usageCoreNanoSeconds", output, StringComparison.Ordinal);
        (code, _, error) = await CrispProcess.RunAsync("stats", "nothing-of-that-name", "--socket", node.Daemon.SocketPath);
        Assert.Equal(1, code);
        Assert.StartsWith("crisp: There is no container \"nothing-of-that-name\".", error, StringComparison.Ordinal);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Events_ShowsALineForEachUntilItIsInterrupted()
    {
        PodNode.Require();
        using var process = CrispProcess.Start("events", "--socket", node.Daemon.SocketPath);

        // It listens from some moment on: pods are run until it has seen one.
        var reading = process.StandardOutput.ReadLineAsync();
        var pods = new List<string>();
        while (pods.Count < 100 && !reading.IsCompleted)
        {
            pods.Add(await node.RunPodAsync());
            await Task.WhenAny(reading, Task.Delay(1000));
        }

        Assert.Matches(@"\A\S+Z pod (created|started) default/pod-\d+ [0-9a-f]{12}\z", await reading);
        Processes.Kill(process.Id, Signals.Terminate);
        await process.WaitForExitAsync();
        Assert.Equal(143, process.ExitCode);
        await Parallel.ForEachAsync(pods, async (pod, _) => await node.RemovePodAsync(pod));
    }
}
