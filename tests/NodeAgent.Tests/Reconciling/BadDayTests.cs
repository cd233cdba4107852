using Crisp.Install.Host;
using Crisp.NodeAgent.Kubernetes;
using Crisp.NodeAgent.Tests.Api;
using Xunit;

namespace Crisp.NodeAgent.Tests.Reconciling;

/// <summary>Servers that go away, disks that are full, agents that die, nodes that are rebooted, values that are wrong.</summary>
public sealed class BadDayTests : IAsyncLifetime
{
    private AgentRig _rig = null!;

    public async ValueTask InitializeAsync() => _rig = await AgentRig.CreateAsync();

    public async ValueTask DisposeAsync()
    {
        Assert.Empty(_rig.Api.Objections);
        await _rig.DisposeAsync();
    }

    [Fact]
    public async Task ApiServerThatIsGone_IsWaitedFor()
    {
        _rig.Api.IsGone = true;
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.Requests.Count > 12, "the agent has tried");
        Assert.Empty(_rig.Node.Commands);

        _rig.Api.IsGone = false;
        await SwitchedAsync();
    }

    [Fact]
    public async Task ApiServerThatFailsNowAndThen_LosesAnswersAndDropsWatches_ChangesNothing()
    {
        var count = 0;
        _rig.Api.Faults = request => (Interlocked.Increment(ref count) % 7) switch
        {
            2 => new Fault(500, "etcdserver: request timed out"),
            4 when !request.EndsWith("/eviction", StringComparison.Ordinal) => new Fault(429, "too many requests", RetryAfter: 0),
            _ => null,
        };
        _rig.Api.LosesAnswer = _ => count % 5 == 0;
        _rig.Options = _rig.Options with { Drain = _rig.Options.Drain with { Timeout = TimeSpan.FromSeconds(15) } };
        _rig.Api.AddPod("web", "n1");
        using var dropping = new Timer(_ => _rig.Api.DropWatches(), null, TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(50));
        await _rig.StartAgentAsync();
        await SwitchedAsync();
    }

    [Fact]
    public async Task ApiServerThatGoesAwayDuringTheSwitch_IsNotNeededForTheWayBack()
    {
        _rig.Node.WorksOnCrisp = true;
        _rig.Node.Before = command => _rig.Api.IsGone |= command == "systemctl start kubelet.service";
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Node.Root.ReadText("/var/lib/crisp-node-agent/switch.json")?.Contains("\"Ended\"", StringComparison.Ordinal) == true, "the host has ended the switch");
        Assert.Equal("containerd://2.1.9", _rig.Runtime);

        _rig.Node.Before = _ => { };
        _rig.Api.IsGone = false;
        await _rig.UntilAsync(() => _rig.Api.Annotation("n1", NodeNames.SwitchFailed) is not null && !_rig.Api.IsCordoned("n1"), "the cluster is told");
        Assert.Contains("No pod of the agent's", _rig.Api.EventMessage("SwitchTakenBack"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AgentThatDiesAtAnyMoment_IsFollowedByOneThatGoesOn()
    {
        _rig.Api.AddPod("web", "n1");
        for (var life = 0; life < 60 && !IsSwitched; life++)
        {
            await _rig.StartAgentAsync();
            await Task.Delay(40 + (life * 23 % 400), TestContext.Current.CancellationToken);
            await _rig.StopAgentAsync();
        }

        await _rig.StartAgentAsync();
        await SwitchedAsync();
    }

    [Fact]
    public async Task NodeThatIsRebootedDuringTheSwitch_GoesOn()
    {
        var rebooted = false;
        _rig.Node.Before = command =>
        {
            if (command == "systemctl start kubelet.service" && !rebooted)
            {
                rebooted = true;
                _rig.Node.RebootAsync().Wait();
            }
        };
        await _rig.StartAgentAsync();
        await SwitchedAsync();
        Assert.True(rebooted);
    }

    [Fact]
    public async Task VersionThatDoesNotComeUp_IsTakenBack_AndThePodIsNotReady()
    {
        _rig.Options = _rig.Options with { SwitchKubelet = false };
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.EventReasons().Contains("Installed"), "the first version is installed");
        await _rig.StopAgentAsync();

        _rig.SetImage("broken");
        _rig.Node.IsBroken = daemon => daemon.StartsWith("crisp broken", StringComparison.Ordinal);
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.EventReasons().Contains("InstallFailed"), "it is said");
        Assert.Contains("runs again", _rig.Api.EventMessage("InstallFailed"), StringComparison.Ordinal);
        Assert.True(_rig.Node.IsCrispRunning);
        Assert.Equal("crisp 1", _rig.Node.Root.ReadText("/usr/local/lib/crisp/current/crisp"));
        using var http = new HttpClient();
        Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, (await http.GetAsync(new Uri($"{_rig.Url}/readyz"), TestContext.Current.CancellationToken)).StatusCode);

        // Not tried for ever: each try would restart the daemon twice.
        var restarts = _rig.Node.Commands.Count(c => c.StartsWith("systemctl restart", StringComparison.Ordinal));
        await Task.Delay(1000, TestContext.Current.CancellationToken);
        Assert.Equal(restarts, _rig.Node.Commands.Count(c => c.StartsWith("systemctl restart", StringComparison.Ordinal)));

        await _rig.StopAgentAsync();
        _rig.SetImage("3");
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Node.Root.ReadText("/usr/local/lib/crisp/current/crisp") == "crisp 3" && _rig.Node.IsCrispRunning, "the next version is installed");
    }

    [Fact]
    public async Task WrongValueInTheConfiguration_IsSaid_AndNothingIsChanged()
    {
        var config = Path.Combine(_rig.Image, "config.toml");
        File.WriteAllText(config, "[log]\nlevel = \"debug\"\n");
        _rig.Options = _rig.Options with { SwitchKubelet = false, ConfigFile = config };
        _rig.Node.Root.WriteText("/etc/crisp/config.toml", "# an administrator's\n");
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.EventReasons().Contains("Installed"), "crisp is installed");
        await _rig.StopAgentAsync();

        File.WriteAllText(config, "[log]\nlevle = \"debug\"\n");
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.EventReasons().Contains("InstallFailed"), "it is said");
        Assert.Contains("There is no option \"log.levle\". Did you mean \"log.level\"?", _rig.Api.EventMessage("InstallFailed"), StringComparison.Ordinal);
        Assert.Equal("[log]\nlevel = \"debug\"\n", _rig.Node.Root.ReadText("/etc/crisp/config.toml"));
        Assert.True(_rig.Node.IsCrispRunning);

        _rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!.AsObject().Remove("crisp.dev/runtime"));
        await _rig.UntilAsync(() => _rig.Api.Label("n1", "crisp.dev/version") is null, "crisp is removed");
        Assert.Equal("# an administrator's\n", _rig.Node.Root.ReadText("/etc/crisp/config.toml"));
    }

    [Fact]
    public async Task FullDisk_WhileCopying_LeavesNothingBehind()
    {
        var library = _rig.Node.Root.Resolve("/usr/local/lib/crisp");
        Directory.CreateDirectory(library);
        using var mount = SmallDisk.Mount(library);
        File.WriteAllBytes(Path.Combine(_rig.Image, "crisp-sandbox"), new byte[1 << 20]);
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.EventReasons().Contains("InstallFailed"), "it is said");

        Assert.Contains("No space left on device", _rig.Api.EventMessage("InstallFailed"), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(library));
        await _rig.StopAgentAsync();
    }

    [Fact]
    public async Task DisruptionBudget_IsRespected_AndTheNodeIsFreeAgainInTheEnd()
    {
        _rig.Api.AddPod("database", "n1");
        _rig.Api.Protect("database", 1000);
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.EventReasons().Contains("SwitchNotBegun") && _rig.Api.LeaseHolder is null, "the drain is given up");

        Assert.StartsWith("1 pods were still there after 4 s: default/database (429, Cannot evict pod", _rig.Api.EventMessage("SwitchNotBegun"), StringComparison.Ordinal);
        Assert.False(_rig.Api.IsCordoned("n1"));
        Assert.NotNull(_rig.Api.Find(ApiServer.PodPath("database")));
        Assert.DoesNotContain("systemctl stop kubelet.service", _rig.Node.Commands);
    }

    [Theory]
    [InlineData(null, false, "default/p: no controller makes it anew elsewhere (drain.force allows it)")]
    [InlineData("ReplicaSet", true, "default/p: its emptyDir volumes would be lost (drain.deleteEmptyDirData allows it)")]
    public async Task PodThatWouldBeLost_KeepsTheNodeFromBeingDrained(string? owner, bool hasEmptyDir, string reason)
    {
        _rig.Api.AddPod("other", "n1");
        _rig.Api.AddPod("p", "n1", owner, hasEmptyDir: hasEmptyDir);
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.EventReasons().Contains("SwitchNotBegun") && _rig.Api.LeaseHolder is null, "the drain is refused");

        Assert.Equal($"The node is not drained. {reason}", _rig.Api.EventMessage("SwitchNotBegun"));
        Assert.NotNull(_rig.Api.Find(ApiServer.PodPath("other")));
        Assert.False(_rig.Api.IsCordoned("n1"));
    }

    [Fact]
    public async Task RecordThatCannotBeUnderstood_IsNotGuessedAbout()
    {
        _rig.Node.Root.WriteText("/var/lib/crisp-node-agent/switch.json", "{\"version\": 99}");
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.Requests.Count > 10, "the agent has looked several times");

        Assert.Empty(_rig.Node.Commands);
    }

    [Fact]
    public async Task HostWhoseSystemdRefuses_IsSaid()
    {
        _rig.Node.Before = command => _ = command == "systemctl daemon-reload" ? throw new HostException("Failed to connect to bus: No such file or directory") : 0;
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.EventReasons().Contains("InstallFailed"), "it is said");

        Assert.Contains("Failed to connect to bus", _rig.Api.EventMessage("InstallFailed"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Uninstall_TakesCrispOffEveryNode()
    {
        await using var other = await AgentRig.CreateAsync(api: _rig.Api, name: "n2");
        await Task.WhenAll(_rig.StartAgentAsync(), other.StartAgentAsync());
        await _rig.UntilAsync(() => _rig.IsOnCrisp && other.IsOnCrisp && _rig.Api.LeaseHolder is null, "both nodes are switched");
        using var cluster = new Cluster(_rig.Api.Client, TimeSpan.FromMilliseconds(5), TimeProvider.System);
        var lease = new SwitchLease(cluster, ApiServer.Space, "crisp-node-agent", "uninstall", TimeProvider.System);
        var output = new StringWriter();
        var code = await NodeAgent.CommandLine.UninstallCommand.RunAsync(
            cluster, lease, TimeSpan.FromSeconds(40), TimeSpan.FromMilliseconds(50), TimeProvider.System, output, TestContext.Current.CancellationToken);

        Assert.Equal(0, code);
        Assert.StartsWith("Waiting for n1, n2\n", output.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("crisp is off all nodes.\n", output.ToString(), StringComparison.Ordinal);
        Assert.False(_rig.IsOnCrisp || other.IsOnCrisp);
        Assert.False(_rig.Node.IsCrispRunning || other.Node.IsCrispRunning);

        // The agents that still run do not install it again.
        await Task.Delay(500, TestContext.Current.CancellationToken);
        Assert.Null(_rig.Api.Label("n1", "crisp.dev/version"));
    }

    [Fact]
    public async Task Uninstall_ThatANodeHoldsUp_NamesIt()
    {
        _rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!["crisp.dev/version"] = "0.1.0");
        using var cluster = new Cluster(_rig.Api.Client, TimeSpan.FromMilliseconds(5), TimeProvider.System);
        var lease = new SwitchLease(cluster, ApiServer.Space, "crisp-node-agent", "uninstall", TimeProvider.System);
        var output = new StringWriter();
        var code = await NodeAgent.CommandLine.UninstallCommand.RunAsync(
            cluster, lease, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(50), TimeProvider.System, output, TestContext.Current.CancellationToken);

        Assert.Equal(1, code);
        Assert.Contains("Still on n1 after 0 s.", output.ToString(), StringComparison.Ordinal);
    }

    private bool IsSwitched => _rig.IsOnCrisp && !_rig.Api.IsCordoned("n1") && _rig.Api.LeaseHolder is null && _rig.Api.EventReasons().Contains("Switched");

    private Task SwitchedAsync() => _rig.UntilAsync(() => IsSwitched, "the node is switched");
}
