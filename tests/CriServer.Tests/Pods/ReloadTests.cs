using System.Text;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.Streaming;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>SIGHUP at a daemon with pods and open streams.</summary>
public sealed class ReloadTests(PodNode node) : IClassFixture<PodNode>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Reload_TakesWhatCanChangeAndInterruptsNothing()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); usleep 2000; done"]);
        var (process, daemon) = (Invariants.PidOf(node, container), node.Daemon.ProcessId);
        var url = (await node.Runtime.ExecAsync(new ExecRequest { ContainerId = container, Cmd = { "cat" }, Stdin = true, Stdout = true })).Url;
        await using var exec = await SpdyCommandClient.ConnectAsync(url, "stdin", "stdout");
        using var events = node.Runtime.GetContainerEvents(new GetEventsRequest());
        await EchoAsync(exec, 'a');
        Assert.False((await ImageAsync()).Pinned);

        // A wrong one changes nothing, and says where it is wrong.
        var file = node.Network.ConfigFile;
        var good = await File.ReadAllTextAsync(file);
        await File.WriteAllTextAsync(file, $"{good}[log]\nlevle = \"debug\"\n");
        await HangUpAsync("There is no option \"log.levle\". Did you mean \"log.level\"?");
        await EchoAsync(exec, 'b');

        await File.WriteAllTextAsync(file, $"shutdown_timeout = \"11s\"\n{good}[log]\nlevel = \"debug\"\n[images]\npinned = [\"{PodNodeImage}\"]\n");
        await HangUpAsync("changed: log.level, images.pinned");
        Assert.Contains("until the daemon is restarted: shutdown_timeout\n", node.Daemon.Log, StringComparison.Ordinal);
        Assert.True((await ImageAsync()).Pinned);
        await UntilLoggedAsync("/runtime.v1.ImageService/ImageStatus");
        await EchoAsync(exec, 'c');

        await File.WriteAllTextAsync(file, good);
        await HangUpAsync("changed: log.level, images.pinned");
        Assert.False((await ImageAsync()).Pinned);
        await EchoAsync(exec, 'd');
        Assert.Equal((daemon, process), (node.Daemon.ProcessId, Invariants.PidOf(node, container)));
        await exec["stdin"].CompleteAsync(CancellationToken.None);
        await node.StopAsync(container);

        // The stream of events was never dropped: it tells of the stop.
        Assert.True(await events.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(s_patience));
        Assert.Equal(container, events.ResponseStream.Current.ContainerId);
        var lines = PodNode.Log(await node.StatusAsync(container)).Split('\n');
        Assert.Equal(Enumerable.Range(0, lines.Length).Select(i => $"{i}"), lines);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task ServiceManager_HearsOfIt()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        await daemon.StopAsync();
        using var manager = new NotifySocket(Path.Combine(daemon.Scratch, "notify"));
        await daemon.StartAgainAsync(("NOTIFY_SOCKET", manager.Address));
        Assert.Equal("READY=1", manager.Receive(s_patience));
        Linux.Processes.Kill(daemon.ProcessId, Linux.Signals.Hangup);
        Assert.StartsWith("RELOADING=1\nMONOTONIC_USEC=", manager.Receive(s_patience), StringComparison.Ordinal);
        Assert.Equal("READY=1", manager.Receive(s_patience));
    }

    private static string PodNodeImage => new TestImage(TestImage.Busybox).Name;

    private static async Task EchoAsync(SpdyCommandClient exec, char letter)
    {
        await exec["stdin"].WriteAsync(Encoding.ASCII.GetBytes([letter]));
        Assert.Equal(letter, await exec.ReadByteAsync("stdout").WaitAsync(s_patience));
    }

    private async Task<Image> ImageAsync() =>
        (await node.Daemon.Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = PodNodeImage } })).Image;

    /// <summary>Waits until the daemon has logged what is expected once more than before.</summary>
    private async Task HangUpAsync(string expected)
    {
        var times = Times(expected);
        Linux.Processes.Kill(node.Daemon.ProcessId, Linux.Signals.Hangup);
        await UntilLoggedAsync(expected, times + 1);
    }

    private async Task UntilLoggedAsync(string expected, int times = 1)
    {
        for (var tries = 0; tries < 1000 && Times(expected) < times; tries++)
        {
            await Task.Delay(20);
        }

        Assert.True(Times(expected) >= times, $"The log does not say {expected}:\n{node.Daemon.Log}");
    }

    private int Times(string expected) => node.Daemon.Log.Split(expected).Length - 1;
}
