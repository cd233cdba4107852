using System.Collections.Concurrent;
using System.Diagnostics;
using Crisp.Cgroups;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Tests.Pods;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>A guest that does not answer costs no caller more than its own patience, and each hears what it was that did not answer.</summary>
public sealed class GuestDeadlineTests
{
    // A tenth of it is all the time that a guest's silence has to reach the caller, in the test VM too.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(6);
    private static readonly SandboxClientOptions _options = new() { CallTimeout = _patience, OperationTimeout = _patience };

    [Theory]
    [InlineData("Hello")]
    [InlineData("Start")]
    public async Task Boot_IsOneOperation(string silent)
    {
        using var guest = new PlayedGuest(request => request.Method == silent ? null : PlayedGuest.Polite(request));
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path, boot: false, options: _options);
        await pod.Client.StartAsync(pod.Spec);
        var time = Stopwatch.StartNew();
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.BootAsync());
        Assert.Contains($"{silent}: the guest did not answer", error.Message, StringComparison.Ordinal);
        Assert.True(time.Elapsed < _patience, $"{time.Elapsed}");
    }

    [Theory]
    [InlineData("CreateContainer")]
    [InlineData("StartContainer")]
    [InlineData("DeleteContainer")]
    [InlineData("Exec")]
    [InlineData("Attach")]
    [InlineData("Signal")]
    [InlineData("Resize")]
    [InlineData("Update")]
    [InlineData("Pause")]
    [InlineData("Resume")]
    [InlineData("Stats")]
    [InlineData("Dial")]
    public async Task Call_EndsBeforeItsCallerDoes(string silent)
    {
        using var guest = new PlayedGuest(request => request.Method == silent ? null : Answer(request));
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path, options: _options);
        var container = pod.Container("true");
        var id = container.Id;
        var time = new Stopwatch();
        var error = await Assert.ThrowsAsync<SandboxException>(async () =>
        {
            time.Restart();
            await pod.CreateAsync(container);
            time.Restart();
            await pod.Client.StartContainerAsync(id);
            time.Restart();
            await (silent switch
            {
                "DeleteContainer" => pod.Client.DeleteContainerAsync(id),
                "Exec" => pod.Client.ExecAsync(id, "e", PodProcess.Command("true"), new ExecStreams(true, true, true)),
                "Attach" => pod.Client.AttachAsync(id, new ExecStreams(true, false, false)),
                "Signal" => pod.Client.SignalAsync(id, 15),
                "Resize" => pod.Client.ResizeAsync(id, 80, 25),
                "Update" => pod.Client.UpdateAsync(id, new ResourcesSpec()),
                "Pause" => pod.Client.PauseAsync(id),
                "Stats" => pod.Client.StatsAsync(id, StatsParts.All),
                "Dial" => pod.Client.DialAsync(80),
                _ => PauseAndResumeAsync(),
            });
        });
        Assert.Equal((RpcCode.DeadlineExceeded, true), (error.Code, error.Message.Contains($"{silent}: the guest did not answer", StringComparison.Ordinal)));
        Assert.True(time.Elapsed < _patience, $"{time.Elapsed}");

        async Task PauseAndResumeAsync()
        {
            await pod.Client.PauseAsync(id);
            time.Restart();
            await pod.Client.ResumeAsync(id);
        }
    }

    [Fact]
    public async Task ExitsOfTheMachine_AreToldWithoutTheGuest()
    {
        using var guest = new PlayedGuest(request => request.Method == "Stats" ? null : PlayedGuest.Polite(request));
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path, boot: false, options: _options);
        await pod.Client.StartAsync(pod.Spec);
        Assert.Empty((await pod.Client.MachineExitsAsync())!);
        await pod.Client.BootAsync();
        pod.Guest.Exits = new Dictionary<string, long> { ["io"] = 7, ["interrupted"] = 1 };
        Assert.Equal(new Dictionary<string, ulong> { ["io"] = 7, ["interrupted"] = 1 }, await pod.Client.MachineExitsAsync());
    }

    [Fact]
    public async Task Guest_IsToldHowLongItsCallerWaits()
    {
        var seen = new ConcurrentDictionary<string, TimeSpan>();
        using var guest = new PlayedGuest(request =>
        {
            seen[request.Method] = TimeSpan.FromTicks(request.TimeoutNano / TimeSpan.NanosecondsPerTick);
            return Answer(request);
        });
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path, options: _options);
        await pod.CreateAsync(pod.Container("true"));
        Assert.All(["Hello", "Start", "CreateContainer"], method => Assert.InRange(seen[method], TimeSpan.FromMilliseconds(1), _patience * 0.9));
        Assert.Equal(TimeSpan.Zero, seen["Events"]);
    }

    [Fact]
    public async Task GuestThatDoesNotShutDown_IsStoppedInTime()
    {
        using var guest = new PlayedGuest(request => request.Method == "Shutdown" ? null : PlayedGuest.Polite(request));
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path, options: _options);
        var id = await pod.LaunchAsync("true");
        var wait = pod.Client.WaitAsync(id);
        await pod.Client.ShutdownAsync();
        Assert.Equal("The pod's virtual machine ended: The pod was shut down.", (await wait).Message);
        await pod.Ended.WaitAsync(_patience);
        Assert.Equal(0, pod.ExitCode);
    }

    [Fact]
    public async Task EndOfAPodWhoseStartHangs_IsAnsweredInTimeAndCanBeAskedForAgain()
    {
        using var guest = new PlayedGuest(PlayedGuest.Polite);
        using var going = new ManualResetEventSlim();
        await using var pod = await MonitoredPod.StartAsync(guestSocket: guest.Path, boot: false, options: _options);
        using var hanging = new ManualResetEventSlim();
        pod.Guest.Starting = () =>
        {
            hanging.Set();
            going.Wait();
        };
        await pod.Client.StartAsync(pod.Spec);
        var boot = pod.Client.BootAsync();
        Assert.True(hanging.Wait(_patience));
        var time = Stopwatch.StartNew();
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.ShutdownAsync());
        Assert.Equal(RpcCode.FailedPrecondition, error.Code);
        Assert.EndsWith("cannot be ended: what is being started does not come to an end.", error.Message, StringComparison.Ordinal);
        Assert.True(time.Elapsed < _patience, $"{time.Elapsed}");
        going.Set();
        await Assert.ThrowsAsync<SandboxException>(() => boot);
        await pod.Client.ShutdownAsync();
        await pod.Ended.WaitAsync(_patience);
    }

    private static Google.Protobuf.IMessage? Answer(Request request) => request.Method switch
    {
        "Pause" => new PauseResponse(),
        _ => PlayedGuest.Polite(request),
    };
}
