using Crisp.NodeAgent.Switching;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Crisp.NodeAgent.Tests.Switching;

public sealed class SwitchRunTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1.5);
    private readonly TestSwitchHost _host = new();

    [Fact]
    public async Task Switch_TakesTheKubeletFromOneRuntimeToTheOther()
    {
        var end = await RunAsync(Begin());

        Assert.Null(end.Failure);
        AssertIsOn(TestSwitchHost.Crisp);
        Assert.Equal(
            [
                "stop kubelet", "save RemovePods", $"remove pods {TestSwitchHost.Containerd}", "save SetEndpoint", $"set {TestSwitchHost.Crisp}", "save StartKubelet",
                "start kubelet", "save AwaitKubelet", "save AwaitConfirmation", "save Ended",
            ],
            _host.Done);
    }

    [Fact]
    public async Task Killed_BetweenAnyTwoSteps_GoesOnWhereItWas()
    {
        for (var at = 1; at <= 10; at++)
        {
            await KilledAtAsync(at, after: false, reboot: false);
            await KilledAtAsync(at, after: true, reboot: false);
            await KilledAtAsync(at, after: false, reboot: true);
            await KilledAtAsync(at, after: true, reboot: true);
        }
    }

    private static async Task KilledAtAsync(int at, bool after, bool reboot)
    {
        var host = new TestSwitchHost { DiesAt = at, DiesAfter = after };
        host.Record = Record();
        await Assert.ThrowsAsync<KilledException>(() => RunAsync(host, host.Record));
        if (reboot)
        {
            host.Reboot();
        }

        var end = await RunAsync(host, host.Record);
        Assert.True(end.Failure is null, $"Killed {(after ? "after" : "before")} operation {at}: {end.Failure}");
        AssertIsOn(host, TestSwitchHost.Crisp);
    }

    [Fact]
    public async Task Killed_OnTheWayBack_GoesOnWhereItWas()
    {
        // 14 operations, of which the first 7 lead to a kubelet that is not confirmed.
        for (var at = 8; at <= 16; at++)
        {
            var host = new TestSwitchHost { DiesAt = at, IsConfirmed = false };
            host.Record = Record() with { Patience = TimeSpan.Zero };
            await Assert.ThrowsAsync<KilledException>(() => RunAsync(host, host.Record));
            host.Reboot();

            var end = await RunAsync(host, host.Record);
            Assert.NotNull(end.Failure);
            AssertIsOn(host, TestSwitchHost.Containerd);
        }
    }

    [Fact]
    public async Task NodeThatDoesNotComeUp_IsTakenBackWithTheReason()
    {
        _host.IsConfirmed = false;
        var end = await RunAsync(Begin());

        Assert.Equal(
            $"The node did not come up: No pod of the agent's on {TestSwitchHost.Crisp} found the node Ready within 2 s. crictl ps and the kubelet's log show why.",
            end.Failure);
        AssertIsOn(TestSwitchHost.Containerd);
        Assert.Equal(0, _host.Pods[TestSwitchHost.Crisp]);
    }

    [Fact]
    public async Task KubeletThatDoesNotComeUp_IsTakenBackWithTheReason()
    {
        _host.IsHealthy = false;
        var end = await RunAsync(Begin());

        Assert.StartsWith("The kubelet did not come up: The kubelet was not healthy (http://127.0.0.1:10248/healthz)", end.Failure, StringComparison.Ordinal);
        AssertIsOn(TestSwitchHost.Containerd);
    }

    [Theory]
    [InlineData("stop kubelet")]
    [InlineData($"remove pods {TestSwitchHost.Containerd}")]
    [InlineData($"set {TestSwitchHost.Crisp}")]
    [InlineData("save RemovePods")]
    [InlineData("save SetEndpoint")]
    [InlineData("save StartKubelet")]
    [InlineData("save AwaitKubelet")]
    public async Task StepThatFails_OnAFullDiskForOne_IsTakenBack(string operation)
    {
        var refusals = 1;
        _host.Refuses = name => name == operation && refusals-- > 0 ? "No space left on device" : null;
        var end = await RunAsync(Begin());

        Assert.EndsWith("No space left on device", end.Failure, StringComparison.Ordinal);
        AssertIsOn(TestSwitchHost.Containerd);
    }

    [Fact]
    public async Task RuntimeThatDoesNotAnswer_DoesNotKeepTheNodeFromGoingBack()
    {
        _host.IsHealthy = false;
        _host.Refuses = name => name == $"remove pods {TestSwitchHost.Crisp}" ? "connection refused" : null;
        var end = await RunAsync(Begin());

        Assert.NotNull(end.Failure);
        Assert.Equal(TestSwitchHost.Containerd, _host.Endpoint);
        Assert.True(_host.IsKubeletRunning);
        Assert.Equal(3, _host.Pods[TestSwitchHost.Containerd]);
    }

    [Fact]
    public async Task Deadline_IsNotLengthenedByAReboot()
    {
        _host.Record = Record() with { Step = SwitchStep.AwaitConfirmation, Deadline = DateTimeOffset.UtcNow - TimeSpan.FromMinutes(1) };
        _host.SetEndpoint(_host.Record.After);
        _host.IsConfirmed = false;
        var end = await RunAsync(_host.Record);

        Assert.NotNull(end.Failure);
        AssertIsOn(TestSwitchHost.Containerd);
    }

    [Fact]
    public void Record_OfAVersionOfTheFuture_OrHalfWritten_IsNone()
    {
        var text = SwitchRecord.Write(Record());
        Assert.Equal(Record(), SwitchRecord.Read(text));
        Assert.Null(SwitchRecord.Read(text.Replace("\"version\": 1", "\"version\": 2", StringComparison.Ordinal)));
        Assert.Null(SwitchRecord.Read(text[..(text.Length / 2)]));
    }

    private SwitchRecord Begin()
    {
        _host.Record = Record();
        return _host.Record;
    }

    private static SwitchRecord Record() => new()
    {
        Id = "one",
        ToCrisp = true,
        Before = new KubeletSetting("/var/lib/kubelet/config.yaml", KubeletFileKind.Configuration, TestSwitchHost.Containerd),
        After = new KubeletSetting("/var/lib/kubelet/config.yaml", KubeletFileKind.Configuration, TestSwitchHost.Crisp),
        KubeletUnit = "kubelet.service",
        KubeletHealth = "http://127.0.0.1:10248/healthz",
        Patience = s_patience,
    };

    private Task<SwitchRecord> RunAsync(SwitchRecord record) => RunAsync(_host, record);

    private static Task<SwitchRecord> RunAsync(TestSwitchHost host, SwitchRecord record) =>
        new SwitchRun(host, TimeProvider.System, NullLogger<SwitchRun>.Instance).RunAsync(record, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));

    private void AssertIsOn(string endpoint) => AssertIsOn(_host, endpoint);

    private static void AssertIsOn(TestSwitchHost host, string endpoint)
    {
        Assert.Equal(endpoint, host.Endpoint);
        Assert.True(host.IsKubeletRunning);
        Assert.Equal(3, host.Pods[endpoint]);
        Assert.Equal(0, host.Pods.Single(p => p.Key != endpoint).Value);
        Assert.Equal(SwitchStep.Ended, host.Record!.Step);
    }
}
