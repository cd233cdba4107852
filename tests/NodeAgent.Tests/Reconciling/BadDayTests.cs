using Crisp.Install.Host;
using Crisp.NodeAgent.Kubernetes;
using Crisp.NodeAgent.Tests.Api;
using Xunit;

namespace Crisp.NodeAgent.Tests.Reconciling;

/// <summary>Servers that go away, disks that are full, agents that die, nodes that are rebooted, values that are wrong.</summary>
public sealed class BadDayTests : AgentTest
{
    [Fact]
    public async Task ApiServerThatIsGone_IsWaitedFor()
    {
        Rig.Api.IsGone = true;
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.Requests.Count > 12, "the agent has tried");
        Assert.Empty(Rig.Node.Commands);

        Rig.Api.IsGone = false;
        await SwitchedAsync();
    }

    [Fact]
    public async Task ApiServerThatFailsNowAndThen_LosesAnswersAndDropsWatches_ChangesNothing()
    {
        var count = 0;
        Rig.Api.Faults = request => (Interlocked.Increment(ref count) % 7) switch
        {
            2 => new Fault(500, "etcdserver: request timed out"),
            4 when !request.EndsWith("/eviction", StringComparison.Ordinal) => new Fault(429, "too many requests", RetryAfter: 0),
            _ => null,
        };
        Rig.Api.LosesAnswer = _ => count % 5 == 0;
        Rig.Options = Rig.Options with { Drain = Rig.Options.Drain with { Timeout = TimeSpan.FromSeconds(15) } };
        Rig.Api.AddPod("web", "n1");
        using var dropping = new Timer(_ => Rig.Api.DropWatches(), null, TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(50));
        await Rig.StartAgentAsync();
        await SwitchedAsync();
    }

    [Fact]
    public async Task ApiServerThatGoesAwayDuringTheSwitch_IsNotNeededForTheWayBack()
    {
        Rig.Node.WorksOnCrisp = true;
        Rig.Node.Before = command => Rig.Api.IsGone |= command == "systemctl start kubelet.service";
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Node.Root.ReadText("/var/lib/crisp-node-agent/switch.json")?.Contains("\"Ended\"", StringComparison.Ordinal) == true, "the host has ended the switch");
        Assert.Equal("containerd://2.1.9", Rig.Runtime);

        Rig.Node.Before = _ => { };
        Rig.Api.IsGone = false;
        await Rig.UntilAsync(() => Rig.Api.Annotation("n1", NodeNames.SwitchFailed) is not null && !Rig.Api.IsCordoned("n1"), "the cluster is told");
        Assert.Contains("No pod of the agent's", Rig.Api.EventMessage("SwitchTakenBack"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AgentThatDiesAtAnyMoment_IsFollowedByOneThatGoesOn()
    {
        Rig.Api.AddPod("web", "n1");
        for (var life = 0; life < 60 && !IsSwitched; life++)
        {
            await Rig.StartAgentAsync();
            await Task.Delay(40 + (life * 23 % 400), TestContext.Current.CancellationToken);
            await Rig.StopAgentAsync();
        }

        await Rig.StartAgentAsync();
        await SwitchedAsync();
    }

    [Fact]
    public async Task NodeThatIsRebootedDuringTheSwitch_GoesOn()
    {
        var rebooted = false;
        Rig.Node.Before = command =>
        {
            if (command == "systemctl start kubelet.service" && !rebooted)
            {
                rebooted = true;
                Rig.Node.RebootAsync().Wait();
            }
        };
        await Rig.StartAgentAsync();
        await SwitchedAsync();
        Assert.True(rebooted);
    }

    [Fact]
    public async Task VersionThatDoesNotComeUp_IsTakenBack_AndThePodIsNotReady()
    {
        Rig.Options = Rig.Options with { SwitchKubelet = false };
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.EventReasons().Contains("Installed"), "the first version is installed");
        await Rig.StopAgentAsync();

        Rig.SetImage("broken");
        Rig.Node.IsBroken = daemon => daemon.StartsWith("crisp broken", StringComparison.Ordinal);
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.EventReasons().Contains("InstallFailed"), "it is said");
        Assert.Contains("runs again", Rig.Api.EventMessage("InstallFailed"), StringComparison.Ordinal);
        Assert.True(Rig.Node.IsCrispRunning);
        Assert.Equal("crisp 1", Rig.Node.Root.ReadText("/usr/local/lib/crisp/current/crisp"));
        using var http = new HttpClient();
        Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, (await http.GetAsync(new Uri($"{Rig.Url}/readyz"), TestContext.Current.CancellationToken)).StatusCode);

        // Not tried for ever: each try would restart the daemon twice.
        var restarts = Rig.Node.Commands.Count(c => c.StartsWith("systemctl restart", StringComparison.Ordinal));
        await Task.Delay(1000, TestContext.Current.CancellationToken);
        Assert.Equal(restarts, Rig.Node.Commands.Count(c => c.StartsWith("systemctl restart", StringComparison.Ordinal)));

        await Rig.StopAgentAsync();
        Rig.SetImage("3");
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Node.Root.ReadText("/usr/local/lib/crisp/current/crisp") == "crisp 3" && Rig.Node.IsCrispRunning, "the next version is installed");
    }

    [Fact]
    public async Task WrongValueInTheConfiguration_IsSaid_AndNothingIsChanged()
    {
        var config = Path.Combine(Rig.Image, "config.toml");
        File.WriteAllText(config, "[log]\nlevel = \"debug\"\n");
        Rig.Options = Rig.Options with { SwitchKubelet = false, ConfigFile = config };
        Rig.Node.Root.WriteText("/etc/crisp/config.toml", "# an administrator's\n");
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.EventReasons().Contains("Installed"), "crisp is installed");
        await Rig.StopAgentAsync();

        File.WriteAllText(config, "[log]\nlevle = \"debug\"\n");
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.EventReasons().Contains("InstallFailed"), "it is said");
        Assert.Contains("There is no option \"log.levle\". Did you mean \"log.level\"?", Rig.Api.EventMessage("InstallFailed"), StringComparison.Ordinal);
        Assert.Equal("[log]\nlevel = \"debug\"\n", Rig.Node.Root.ReadText("/etc/crisp/config.toml"));
        Assert.True(Rig.Node.IsCrispRunning);

        Rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!.AsObject().Remove("crisp.dev/runtime"));
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/version") is null, "crisp is removed");
        Assert.Equal("# an administrator's\n", Rig.Node.Root.ReadText("/etc/crisp/config.toml"));
    }

    [Fact]
    public async Task FullDisk_WhileCopying_LeavesNothingBehind()
    {
        var library = Rig.Node.Root.Resolve("/usr/local/lib/crisp");
        Directory.CreateDirectory(library);
        using var mount = SmallDisk.Mount(library);
        File.WriteAllBytes(Path.Combine(Rig.Image, "crisp-sandbox"), new byte[1 << 20]);
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.EventReasons().Contains("InstallFailed"), "it is said");

        Assert.Contains("No space left on device", Rig.Api.EventMessage("InstallFailed"), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(library));
        await Rig.StopAgentAsync();
    }

    [Fact]
    public async Task DisruptionBudget_IsRespected_AndTheNodeIsFreeAgainInTheEnd()
    {
        Rig.Api.AddPod("database", "n1");
        Rig.Api.Protect("database", 1000);
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.EventReasons().Contains("SwitchNotBegun") && Rig.Api.LeaseHolder is null, "the drain is given up");

        Assert.StartsWith("1 pods were still there after 4 s: default/database (429, Cannot evict pod", Rig.Api.EventMessage("SwitchNotBegun"), StringComparison.Ordinal);
        Assert.False(Rig.Api.IsCordoned("n1"));
        Assert.NotNull(Rig.Api.Find(ApiServer.PodPath("database")));
        Assert.DoesNotContain("systemctl stop kubelet.service", Rig.Node.Commands);
    }

    [Theory]
    [InlineData(null, false, "default/p: no controller makes it anew elsewhere (drain.force allows it)")]
    [InlineData("ReplicaSet", true, "default/p: its emptyDir volumes would be lost (drain.deleteEmptyDirData allows it)")]
    public async Task PodThatWouldBeLost_KeepsTheNodeFromBeingDrained(string? owner, bool hasEmptyDir, string reason)
    {
        Rig.Api.AddPod("other", "n1");
        Rig.Api.AddPod("p", "n1", owner, hasEmptyDir: hasEmptyDir);
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.EventReasons().Contains("SwitchNotBegun") && Rig.Api.LeaseHolder is null, "the drain is refused");

        Assert.Equal($"The node is not drained. {reason}", Rig.Api.EventMessage("SwitchNotBegun"));
        Assert.NotNull(Rig.Api.Find(ApiServer.PodPath("other")));
        Assert.False(Rig.Api.IsCordoned("n1"));
    }

    [Fact]
    public async Task RecordThatCannotBeUnderstood_IsNotGuessedAbout()
    {
        Rig.Node.Root.WriteText("/var/lib/crisp-node-agent/switch.json", "{\"version\": 99}");
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.Requests.Count > 10, "the agent has looked several times");

        Assert.Empty(Rig.Node.Commands);
    }

    [Fact]
    public async Task HostWhoseSystemdRefuses_IsSaid()
    {
        Rig.Node.Before = command => _ = command == "systemctl daemon-reload" ? throw new HostException("Failed to connect to bus: No such file or directory") : 0;
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.EventReasons().Contains("InstallFailed"), "it is said");

        Assert.Contains("Failed to connect to bus", Rig.Api.EventMessage("InstallFailed"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Uninstall_TakesCrispOffEveryNode()
    {
        await using var other = await AgentRig.CreateAsync(api: Rig.Api, name: "n2");
        await Task.WhenAll(Rig.StartAgentAsync(), other.StartAgentAsync());
        await Rig.UntilAsync(() => Rig.IsOnCrisp && other.IsOnCrisp && Rig.Api.LeaseHolder is null, "both nodes are switched");
        var (code, output) = await Rig.UninstallAsync(TimeSpan.FromSeconds(40));

        Assert.Equal(0, code);
        Assert.StartsWith("Waiting for n1, n2\n", output, StringComparison.Ordinal);
        Assert.EndsWith("crisp is off all nodes.\n", output, StringComparison.Ordinal);
        Assert.False(Rig.IsOnCrisp || other.IsOnCrisp);
        Assert.False(Rig.Node.IsCrispRunning || other.Node.IsCrispRunning);

        // The agents that still run do not install it again.
        await Task.Delay(500, TestContext.Current.CancellationToken);
        Assert.Null(Rig.Api.Label("n1", "crisp.dev/version"));
    }

    [Fact]
    public async Task Uninstall_ThatIsCalledOff_LetsTheNodesGoToCrispAgain()
    {
        await using var other = await AgentRig.CreateAsync(api: Rig.Api, name: "n2");
        Rig.Options = Rig.Options with { DrainPause = TimeSpan.FromMilliseconds(100) };
        await Task.WhenAll(Rig.StartAgentAsync(), other.StartAgentAsync());
        await Rig.UntilAsync(() => Rig.IsOnCrisp && other.IsOnCrisp && Rig.Api.LeaseHolder is null, "both nodes are switched");
        Rig.Api.AddPod("precious", "n1", owner: null);
        var uninstall = Rig.UninstallAsync(TimeSpan.FromSeconds(60));
        await Rig.UntilAsync(() => Rig.Api.Label("n2", "crisp.dev/version") is null, "one node has gone back, and the other cannot");
        Rig.Api.Change(ApiServer.LeasePath, l => l["metadata"]!["annotations"]!.AsObject().Remove("crisp.dev/uninstall"));
        var (code, output) = await uninstall;

        Assert.Equal(3, code);
        Assert.Contains("Called off: the annotation crisp.dev/uninstall of the Lease is gone. n1 and all other nodes", output, StringComparison.Ordinal);
        await Rig.UntilAsync(
            () => other.IsOnCrisp && Rig.Api.LeaseHolder is null && Rig.Api.Label("n1", "crisp.dev/active") == "true" && Rig.Api.Label("n2", "crisp.dev/active") == "true",
            "both nodes are on crisp again");
        Assert.True(Rig.IsOnCrisp);
        Assert.False(Rig.Api.IsCordoned("n1") || Rig.Api.IsCordoned("n2"));
    }

    [Fact]
    public async Task Uninstall_ThatANodeHoldsUp_NamesIt()
    {
        Rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!["crisp.dev/version"] = "0.1.0");
        var (code, output) = await Rig.UninstallAsync(TimeSpan.FromMilliseconds(200));

        Assert.Equal(1, code);
        Assert.Contains("Still on n1 after 0 s.", output, StringComparison.Ordinal);
    }
}
