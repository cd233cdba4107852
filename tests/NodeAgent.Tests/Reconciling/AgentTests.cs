using Crisp.NodeAgent.Tests.Api;
using Crisp.NodeAgent.Tests.Host;
using Xunit;

namespace Crisp.NodeAgent.Tests.Reconciling;

/// <summary>The agent whole: installation, labels, the switch and the way back.</summary>
public sealed class AgentTests : AgentTest
{
    [Fact]
    public async Task NodeWithTheLabel_GetsCrisp_AndItsKubeletIsSwitched()
    {
        Rig.Api.AddPod("web", "n1");
        Rig.Api.AddPod("agent", "n1", owner: "DaemonSet");
        Rig.Api.AddPod("apiserver", "n1", owner: "Node", isMirror: true);
        Rig.Api.AddPod("job", "n1", phase: "Succeeded");
        var early = "none";
        Rig.Node.Before = command => early = command == "systemctl stop kubelet.service" ? Rig.Api.Label("n1", "crisp.dev/active") : early;
        await Rig.StartAgentAsync();
        await SwitchedAsync();
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/active") == "true", "the node is said to run crisp");

        Assert.Null(early);
        Assert.Equal("0.1.0", Rig.Api.Label("n1", "crisp.dev/version"));
        Assert.Equal("false", Rig.Api.Label("n1", "crisp.dev/kvm"));
        Assert.Equal("2", Rig.Api.Label("n1", "crisp.dev/cgroup-version"));
        Assert.Equal("true", Rig.Api.Label("n1", "crisp.dev/user-namespaces"));
        Assert.Equal(["Installed", "SwitchBegun", "Switched"], Rig.Api.EventReasons());
        Assert.Equal($"KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint={TestNode.Crisp} --v=2\"\n", Rig.Node.Root.ReadText(TestNode.Flags));
        Assert.Null(Rig.Api.Find("/api/v1/namespaces/default/pods/web"));
        Assert.NotNull(Rig.Api.Find("/api/v1/namespaces/default/pods/agent"));
        Assert.NotNull(Rig.Api.Find("/api/v1/namespaces/default/pods/apiserver"));
        Assert.NotNull(Rig.Api.Find("/api/v1/namespaces/default/pods/job"));
        Assert.Empty(Rig.Node.ContainerdRuntime.Pods);
        Assert.Contains("stop container pod-1 30", Rig.Node.ContainerdRuntime.Calls);
    }

    [Fact]
    public async Task NodeWithoutTheLabel_IsLeftAlone()
    {
        await using var rig = await AgentRig.CreateAsync(label: null);
        await rig.StartAgentAsync();
        await rig.UntilAsync(() => rig.Api.Requests.Count > 10, "the agent has looked several times");

        Assert.DoesNotContain(rig.Api.Requests, r => r.StartsWith("PATCH", StringComparison.Ordinal));
        Assert.Empty(rig.Node.Commands);
        Assert.False(Directory.Exists(rig.Node.Root.Resolve("/usr/local/lib/crisp")));
    }

    [Fact]
    public async Task LabelThatIsRemoved_LeadsBackToWhatWasThere()
    {
        Rig.Node.Root.WriteText("/etc/crisp/keep", "not the agent's\n");
        var before = Files();
        await Rig.StartAgentAsync();
        await SwitchedAsync();
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/active") == "true", "the node is said to run crisp");

        // Pods that go from here must not come back.
        var drained = new List<string?>();
        Rig.Api.AddPod("web", "n1");
        Rig.Api.LosesAnswer = request =>
        {
            if (request.EndsWith("/eviction", StringComparison.Ordinal))
            {
                drained.Add(Rig.Api.Label("n1", "crisp.dev/active"));
            }

            return false;
        };
        Rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!.AsObject().Remove("crisp.dev/runtime"));
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/version") is null, "crisp is removed");

        Assert.Equal([null], drained);
        Assert.Equal("containerd://2.1.9", Rig.Runtime);
        Assert.False(Rig.Api.IsCordoned("n1"));
        Assert.Null(Rig.Api.LeaseHolder);
        Assert.DoesNotContain(Rig.Api.Node("n1")["metadata"]!["labels"]!.AsObject(), l => l.Key.StartsWith("crisp.dev/", StringComparison.Ordinal));
        Assert.Equal("{}", Rig.Api.Node("n1")["metadata"]!["annotations"]?.ToJsonString() ?? "{}");
        Assert.False(Rig.Node.IsCrispRunning);
        Assert.Empty(Rig.Node.Enabled);
        Assert.Equal(before, Files());
    }

    [Fact]
    public async Task DiskOfItsOwn_IsEmptiedAndStays()
    {
        var disk = Directory.CreateDirectory(Rig.Node.Root.Resolve("/var/lib/crisp")).FullName;
        using var mount = SmallDisk.Mount(disk);
        await Rig.StartAgentAsync();
        await SwitchedAsync();
        File.WriteAllText(Path.Combine(disk, "image"), "layers");

        Rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!.AsObject().Remove("crisp.dev/runtime"));
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/version") is null, "crisp is removed");
        Assert.Empty(Directory.EnumerateFileSystemEntries(disk));
        await Rig.StopAgentAsync();
    }

    [Fact]
    public async Task SwitchThatTheNodeDoesNotSurvive_IsTakenBack_AndHoldsUpTheOthers()
    {
        Rig.Node.WorksOnCrisp = false;
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.Annotation("n1", "crisp.dev/switch-failed") is not null && Rig.Api.LeaseHolder is null, "the switch is taken back");

        Assert.Equal("containerd://2.1.9", Rig.Runtime);
        Assert.False(Rig.Api.IsCordoned("n1"));
        Assert.Equal(["Installed", "SwitchBegun", "SwitchTakenBack"], Rig.Api.EventReasons());
        Assert.Null(Rig.Api.Label("n1", "crisp.dev/active"));
        Assert.Contains("kubectl annotate node n1 crisp.dev/switch-failed-", Rig.Api.EventMessage("SwitchTakenBack"), StringComparison.Ordinal);

        await using var other = await AgentRig.CreateAsync(api: Rig.Api, name: "n2");
        await other.StartAgentAsync();
        await other.UntilAsync(() => other.Api.Label("n2", "crisp.dev/version") is not null, "crisp is installed on the second node");
        await Task.Delay(500, TestContext.Current.CancellationToken);
        Assert.False(other.IsOnCrisp);
        Assert.False(other.Api.IsCordoned("n2"));

        // Somebody has looked: both go on.
        Rig.Node.WorksOnCrisp = true;
        Rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["annotations"]!.AsObject().Remove("crisp.dev/switch-failed"));
        await Rig.UntilAsync(() => Rig.IsOnCrisp && other.IsOnCrisp && Rig.Api.LeaseHolder is null, "both nodes are switched");
    }

    [Fact]
    public async Task Nodes_AreSwitchedOneAfterTheOther()
    {
        await using var other = await AgentRig.CreateAsync(api: Rig.Api, name: "n2");
        Rig.Api.GracePeriod = TimeSpan.FromSeconds(1);
        Rig.Api.AddPod("web-1", "n1");
        Rig.Api.AddPod("web-2", "n2");
        await Task.WhenAll(Rig.StartAgentAsync(), other.StartAgentAsync());
        var both = false;
        await Rig.UntilAsync(
            () =>
            {
                both |= Rig.Api.IsCordoned("n1") && Rig.Api.IsCordoned("n2");
                return Rig.IsOnCrisp && other.IsOnCrisp && Rig.Api.LeaseHolder is null;
            },
            "both nodes are switched");

        Assert.False(both);
        var transitions = Rig.Api.Get(ApiServer.LeasePath)["spec"]!["leaseTransitions"];
        Assert.Equal(2, transitions!.GetValue<int>());
    }

    [Fact]
    public async Task AdministratorsCordon_Stays()
    {
        Rig.Api.Change("/api/v1/nodes/n1", n => n["spec"]!["unschedulable"] = true);
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.IsOnCrisp && Rig.Api.LeaseHolder is null, "the node is switched");

        Assert.True(Rig.Api.IsCordoned("n1"));
    }

    [Fact]
    public async Task WithoutTheSwitch_CrispIsInstalledAndNothingDrained()
    {
        Rig.Options = Rig.Options with { SwitchKubelet = false };
        Rig.Api.AddPod("web", "n1");
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/version") is not null, "crisp is installed");

        Assert.NotNull(Rig.Api.Find("/api/v1/namespaces/default/pods/web"));
        Assert.DoesNotContain(Rig.Node.Commands, c => c.Contains("kubelet", StringComparison.Ordinal));
    }

    [Fact]
    public async Task KubeletThatAnAdministratorSwitches_IsFollowedByTheLabel()
    {
        Rig.Options = Rig.Options with { SwitchKubelet = false };
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/version") is not null, "crisp is installed");
        Assert.Null(Rig.Api.Label("n1", "crisp.dev/active"));

        Rig.Api.Change("/api/v1/nodes/n1", n => n["status"]!["nodeInfo"]!["containerRuntimeVersion"] = "crisp://0.1.0");
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/active") == "true", "the node is said to run crisp");
        Rig.Api.Change("/api/v1/nodes/n1", n => n["status"]!["nodeInfo"]!["containerRuntimeVersion"] = "containerd://2.1.9");
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/active") is null, "the node is not said to run crisp");
    }

    [Fact]
    public async Task KubeadmsAnnotation_FollowsTheKubelet()
    {
        Rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["annotations"] =
            new System.Text.Json.Nodes.JsonObject { ["kubeadm.alpha.kubernetes.io/cri-socket"] = TestNode.Containerd });
        await Rig.StartAgentAsync();
        await SwitchedAsync();

        Assert.Equal(TestNode.Crisp, Rig.Api.Annotation("n1", "kubeadm.alpha.kubernetes.io/cri-socket"));
    }

    [Fact]
    public async Task Labels_FollowWhatTheNodeCanDo()
    {
        Rig.Options = Rig.Options with { SwitchKubelet = false };
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/kvm") == "false", "there is no guest image");

        Rig.Node.HasGuestImage = true;
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/kvm") == "true", "VM pods can run");

        // Somebody else's hand.
        Rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!["crisp.dev/kvm"] = "maybe");
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/kvm") == "true", "the label is true again");
    }

    [Fact]
    public async Task GuestImage_IsMadeWhereThereIsKvm()
    {
        Rig.Options = Rig.Options with { SwitchKubelet = false, BuildGuestImage = true };
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.Label("n1", "crisp.dev/kvm") == "true", "VM pods can run");

        Assert.Single(Rig.Node.Commands, c => c.EndsWith("crisp vm build", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NodeThatCannotRunPods_IsNotSwitched_AndSaysWhy()
    {
        Rig.Node.IsUsable = false;
        await Rig.StartAgentAsync();
        await Rig.UntilAsync(() => Rig.Api.EventReasons().Contains("NodeUnusable"), "it is said");

        Assert.Equal("This node cannot run pods with crisp. cgroups: no hierarchy is mounted. ", Rig.Api.EventMessage("NodeUnusable"));
        Assert.False(Rig.IsOnCrisp);
        Assert.False(Rig.Api.IsCordoned("n1"));

        // Said once in a while and not at each look.
        await LooksAsync(10);
        var told = Rig.Api.List("/api/v1/namespaces/default/events/").Single(e => $"{e["reason"]}" == "NodeUnusable");
        Assert.Equal(1, told["count"]!.GetValue<int>());
    }

    [Fact]
    public async Task NodeThatIsAsItShouldBe_CostsTheApiServerTwoReadsALook()
    {
        await Rig.StartAgentAsync();
        await SwitchedAsync();
        await LooksAsync(5);
        Rig.Api.Requests.Clear();
        await LooksAsync(10);
        var requests = Rig.Api.Requests.ToList();

        Assert.All(requests, r => Assert.StartsWith("GET ", r, StringComparison.Ordinal));
        // The look that is under way may have read one and not yet the other.
        Assert.InRange(requests.Count(r => r.Contains("/leases/", StringComparison.Ordinal)), 1, requests.Count(r => r == "GET /api/v1/nodes/n1") + 1);
    }

    [Fact]
    public async Task Metrics_AndHealth_AreServed()
    {
        await Rig.StartAgentAsync();
        await SwitchedAsync();
        using var http = new HttpClient();

        Assert.Equal("ok\n", await http.GetStringAsync($"{Rig.Url}/readyz"));
        await Rig.UntilAsync(() => http.GetStringAsync($"{Rig.Url}/metrics").Result.Contains("crisp_node_agent_phase{phase=\"ready\"} 1", StringComparison.Ordinal), "the phase is ready");
        var metrics = await http.GetStringAsync($"{Rig.Url}/metrics");
        Assert.Contains("crisp_node_agent_build_info{version=\"0.1.0\"} 1", metrics, StringComparison.Ordinal);
        Assert.Contains("crisp_node_agent_ready 1", metrics, StringComparison.Ordinal);
        Assert.Contains("crisp_node_agent_api_calls_total{call=\"patch node\",outcome=\"ok\"}", metrics, StringComparison.Ordinal);
        Assert.Contains("crisp_node_agent_phase{phase=\"switching\"} 0", metrics, StringComparison.Ordinal);
    }

    private Task LooksAsync(int count)
    {
        var until = Rig.Api.Requests.Count(r => r == "GET /api/v1/nodes/n1") + count;
        return Rig.UntilAsync(() => Rig.Api.Requests.Count(r => r == "GET /api/v1/nodes/n1") >= until, "the agent has looked several times");
    }

    private List<string> Files() =>
        [.. Directory.EnumerateFiles(Rig.Node.Root.Path, "*", SearchOption.AllDirectories).Order().Select(f => $"{Path.GetRelativePath(Rig.Node.Root.Path, f)}: {(f.Contains("sock", StringComparison.Ordinal) ? "" : File.ReadAllText(f))}")];
}
