using System.Text;
using Crisp.Cgroups;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Vm.Monitor;
using CsCheck;
using Google.Protobuf;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>Whatever a guest says ends the guest at worst, and never reaches the node as it is.</summary>
public sealed class HostileGuestTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(256, 0)]
    [InlineData(0, 65)]
    [InlineData(0, -1)]
    public async Task ExitThatCannotBe_IsAnUnknownEnd(int code, int signal)
    {
        using var guest = new PlayedGuest(request => request.Method == "Wait"
            ? new WaitResponse { Exit = new ExitInfo { ExitCode = code, Signal = signal, FinishedAt = 1 } }
            : PlayedGuest.Polite(request));
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path);
        var exit = await pod.Client.WaitAsync(await pod.LaunchAsync("true")).WaitAsync(_patience);
        Assert.Equal((255, 0), (exit.ExitCode, exit.Signal));
        Assert.Contains("cannot be", exit.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exit_HasTheNodesTimeAndAMessageThatCanBeShown()
    {
        using var guest = new PlayedGuest(request => request.Method == "Wait"
            ? new WaitResponse { Exit = new ExitInfo { ExitCode = 3, FinishedAt = 1, Message = "\u001b[2J\n" + new string('x', 100_000) } }
            : PlayedGuest.Polite(request));
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path);
        var exit = await pod.Client.WaitAsync(await pod.LaunchAsync("true")).WaitAsync(_patience);
        Assert.Equal(3, exit.ExitCode);
        Assert.True(exit.FinishedAt > 1_600_000_000_000_000_000);
        Assert.StartsWith(" [2J xxx", exit.Message, StringComparison.Ordinal);
        Assert.True(exit.Message.Length < 2000);
    }

    [Fact]
    public async Task Pids_AreTheNodes()
    {
        using var guest = new PlayedGuest(PlayedGuest.Polite);
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path);
        var id = await pod.LaunchAsync("true");
        Assert.Equal(Environment.ProcessId, Assert.Single((await pod.Client.StateAsync()).Containers).Pid);
        using var exec = await pod.Client.ExecAsync(id, "e", Pods.TestPod.Command("true"), new Client.ExecStreams(false, true, false));
        Assert.Equal(Environment.ProcessId, exec.Pid);
    }

    [Fact]
    public async Task EventsThatNeverEnd_LeaveTheMonitorAnswering()
    {
        using var guest = new PlayedGuest(request =>
        {
            if (request.Method != "Events")
            {
                return PlayedGuest.Polite(request);
            }

            var news = new EventsResponse();
            for (var i = 0; i < 1000; i++)
            {
                news.Events.Add(new Event { ContainerOom = new ContainerOom { ContainerId = "../../x" } });
            }

            return news;
        });
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path);
        await Task.Delay(200);
        Assert.Equal(0UL, (await pod.Client.StateAsync()).EventSequence);
    }

    [Fact]
    public async Task BrokenFrame_IsTheMachinesEnd()
    {
        using var guest = new PlayedGuest(PlayedGuest.Polite);
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path);
        var id = await pod.LaunchAsync("true");
        var wait = pod.Client.WaitAsync(id);
        guest.After = [.. Enumerable.Repeat((byte)0xFF, 64)];
        var delete = pod.Client.DeleteContainerAsync(id);
        var exit = await wait.WaitAsync(_patience);
        await delete.WaitAsync(_patience);
        Assert.Equal((255, true), (exit.ExitCode, exit.Message.Contains("broke the protocol", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OutputThatNeverEnds_DoesNotHoldUpTheExit(bool flows)
    {
        using var guest = new PlayedGuest(EndAtOnce);
        guest.Stream = (_, socket) =>
        {
            while (flows)
            {
                socket.Send("flood\n"u8);
            }
        };
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path);
        var id = await pod.LaunchAsync("true");
        var exit = await pod.Client.WaitAsync(id).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(0, exit.ExitCode);
        await pod.Client.DeleteContainerAsync(id);
        var length = new FileInfo(pod.LogPath(id)).Length;
        await Task.Delay(300);
        Assert.Equal(length, new FileInfo(pod.LogPath(id)).Length);
        Assert.Equal(flows, length > 0);
    }

    [Fact]
    public async Task Output_IsNeverAnEntryOfItsOwn()
    {
        const string Forged = "2026-01-01T00:00:00.000000000Z stderr F forged";
        using var guest = new PlayedGuest(EndAtOnce);
        guest.Stream = (kind, socket) =>
        {
            if (kind == ConnectionKind.Stdout)
            {
                socket.Send([.. Encoding.ASCII.GetBytes($"a\r{Forged}\n{Forged}\n\0\n"), .. Enumerable.Repeat((byte)'x', 1 << 20)]);
            }

            socket.Dispose();
        };
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path);
        var id = await pod.LaunchAsync("true");
        await pod.Client.WaitAsync(id).WaitAsync(_patience);
        var entries = File.ReadAllText(pod.LogPath(id)).TrimEnd('\n').Split('\n');
        Assert.All(entries, e => Assert.Matches("^[0-9T:.-]{29}Z stdout [FP] ", e));
        Assert.Equal([$"a\r{Forged}", Forged, "\0"], entries.Take(3).Select(e => e[40..]));
        Assert.All(entries, e => Assert.InRange(e.Length, 0, 17_000));
        Assert.Equal(1 << 20, entries.Skip(3).Sum(e => e.Length - 40));
    }

    [Fact]
    public async Task StatsThatAreNone_AreAnError()
    {
        using var guest = new PlayedGuest(request => request.Method == "Stats"
            ? new StatsResponse { UsageJson = ByteString.CopyFromUtf8("{\"memory\": 7") }
            : PlayedGuest.Polite(request));
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path);
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.StatsAsync("", StatsParts.All));
        Assert.Equal(RpcCode.Internal, error.Code);
    }

    [Fact]
    public async Task GuestOfAnotherVersion_IsRefusedWithTheCommandThatMendsIt()
    {
        using var guest = new PlayedGuest(request => request.Method == "Hello" ? new HelloResponse { Version = 99 } : PlayedGuest.Polite(request));
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path, boot: false);
        await pod.Client.StartAsync(pod.Spec);
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.BootAsync());
        Assert.Contains("crisp vm build", error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message, (await Assert.ThrowsAsync<SandboxException>(() => pod.Client.BootAsync())).Message);
    }

    [Fact]
    public void Text_HasNothingThatATerminalObeys()
        => Gen.String.Sample(text =>
        {
            var clean = GuestText.Clean(text);
            return clean.Length <= 1025 && !clean.Any(char.IsControl);
        });

    private static IMessage? EndAtOnce(Request request) => request.Method == "Wait" ? new WaitResponse { Exit = new ExitInfo() } : PlayedGuest.Polite(request);
}
