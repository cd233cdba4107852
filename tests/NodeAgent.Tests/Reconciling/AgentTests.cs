using Crisp.NodeAgent.Tests.Host;
using Xunit;

namespace Crisp.NodeAgent.Tests.Reconciling;

/// <summary>The agent whole: installation, labels, the switch and the way back.</summary>
public sealed class AgentTests : IAsyncLifetime
{
    private AgentRig _rig = null!;

    public async ValueTask InitializeAsync() => _rig = await AgentRig.CreateAsync();

    public async ValueTask DisposeAsync()
    {
        // Whatever a test does, the agent sends what a strict API server takes.
        Assert.Empty(_rig.Api.Objections);
        await _rig.DisposeAsync();
    }

    [Fact]
    public async Task NodeWithTheLabel_GetsCrisp_AndItsKubeletIsSwitched()
    {
        _rig.Api.AddPod("web", "n1");
        _rig.Api.AddPod("agent", "n1", owner: "DaemonSet");
        _rig.Api.AddPod("apiserver", "n1", owner: "Node", isMirror: true);
        _rig.Api.AddPod("job", "n1", phase: "Succeeded");
        await _rig.StartAgentAsync();
        await SwitchedAsync();

        Assert.Equal("0.1.0", _rig.Api.Label("n1", "crisp.dev/version"));
        Assert.Equal("false", _rig.Api.Label("n1", "crisp.dev/kvm"));
        Assert.Equal("2", _rig.Api.Label("n1", "crisp.dev/cgroup-version"));
        Assert.Equal("true", _rig.Api.Label("n1", "crisp.dev/user-namespaces"));
        Assert.Equal(["Installed", "SwitchBegun", "Switched"], _rig.Api.EventReasons());
        Assert.Equal($"KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint={TestNode.Crisp} --v=2\"\n", _rig.Node.Root.ReadText(TestNode.Flags));
        Assert.Null(_rig.Api.Find("/api/v1/namespaces/default/pods/web"));
        Assert.NotNull(_rig.Api.Find("/api/v1/namespaces/default/pods/agent"));
        Assert.NotNull(_rig.Api.Find("/api/v1/namespaces/default/pods/apiserver"));
        Assert.NotNull(_rig.Api.Find("/api/v1/namespaces/default/pods/job"));
        Assert.Empty(_rig.Node.ContainerdRuntime.Pods);
        Assert.Contains("stop container pod-1 30", _rig.Node.ContainerdRuntime.Calls);
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
        _rig.Node.Root.WriteText("/etc/crisp/keep", "not the agent's\n");
        var before = Files();
        await _rig.StartAgentAsync();
        await SwitchedAsync();

        _rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!.AsObject().Remove("crisp.dev/runtime"));
        await _rig.UntilAsync(() => _rig.Api.Label("n1", "crisp.dev/version") is null, "crisp is removed");

        Assert.Equal("containerd://2.1.9", _rig.Runtime);
        Assert.False(_rig.Api.IsCordoned("n1"));
        Assert.Null(_rig.Api.LeaseHolder);
        Assert.DoesNotContain(_rig.Api.Node("n1")["metadata"]!["labels"]!.AsObject(), l => l.Key.StartsWith("crisp.dev/", StringComparison.Ordinal));
        Assert.Equal("{}", _rig.Api.Node("n1")["metadata"]!["annotations"]?.ToJsonString() ?? "{}");
        Assert.False(_rig.Node.IsCrispRunning);
        Assert.Empty(_rig.Node.Enabled);
        Assert.Equal(before, Files());
    }

    [Fact]
    public async Task SwitchThatTheNodeDoesNotSurvive_IsTakenBack_AndHoldsUpTheOthers()
    {
        _rig.Node.WorksOnCrisp = false;
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.Annotation("n1", "crisp.dev/switch-failed") is not null && _rig.Api.LeaseHolder is null, "the switch is taken back");

        Assert.Equal("containerd://2.1.9", _rig.Runtime);
        Assert.False(_rig.Api.IsCordoned("n1"));
        Assert.Equal(["Installed", "SwitchBegun", "SwitchTakenBack"], _rig.Api.EventReasons());
        Assert.Contains("kubectl annotate node n1 crisp.dev/switch-failed-", _rig.Api.EventMessage("SwitchTakenBack"), StringComparison.Ordinal);

        await using var other = await AgentRig.CreateAsync(api: _rig.Api, name: "n2");
        await other.StartAgentAsync();
        await other.UntilAsync(() => other.Api.Label("n2", "crisp.dev/version") is not null, "crisp is installed on the second node");
        await Task.Delay(500, TestContext.Current.CancellationToken);
        Assert.False(other.IsOnCrisp);
        Assert.False(other.Api.IsCordoned("n2"));

        // Somebody has looked: both go on.
        _rig.Node.WorksOnCrisp = true;
        _rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["annotations"]!.AsObject().Remove("crisp.dev/switch-failed"));
        await _rig.UntilAsync(() => _rig.IsOnCrisp && other.IsOnCrisp && _rig.Api.LeaseHolder is null, "both nodes are switched");
    }

    [Fact]
    public async Task Nodes_AreSwitchedOneAfterTheOther()
    {
        await using var other = await AgentRig.CreateAsync(api: _rig.Api, name: "n2");
        _rig.Api.GracePeriod = TimeSpan.FromSeconds(1);
        _rig.Api.AddPod("web-1", "n1");
        _rig.Api.AddPod("web-2", "n2");
        await Task.WhenAll(_rig.StartAgentAsync(), other.StartAgentAsync());
        var both = false;
        await _rig.UntilAsync(
            () =>
            {
                both |= _rig.Api.IsCordoned("n1") && _rig.Api.IsCordoned("n2");
                return _rig.IsOnCrisp && other.IsOnCrisp && _rig.Api.LeaseHolder is null;
            },
            "both nodes are switched");

        Assert.False(both);
        var transitions = _rig.Api.Get("/apis/coordination.k8s.io/v1/namespaces/crisp-system/leases/crisp-node-agent")["spec"]!["leaseTransitions"];
        Assert.Equal(2, transitions!.GetValue<int>());
    }

    [Fact]
    public async Task AdministratorsCordon_Stays()
    {
        _rig.Api.Change("/api/v1/nodes/n1", n => n["spec"]!["unschedulable"] = true);
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.IsOnCrisp && _rig.Api.LeaseHolder is null, "the node is switched");

        Assert.True(_rig.Api.IsCordoned("n1"));
    }

    [Fact]
    public async Task WithoutTheSwitch_CrispIsInstalledAndNothingDrained()
    {
        _rig.Options = _rig.Options with { SwitchKubelet = false };
        _rig.Api.AddPod("web", "n1");
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.Label("n1", "crisp.dev/version") is not null, "crisp is installed");

        Assert.NotNull(_rig.Api.Find("/api/v1/namespaces/default/pods/web"));
        Assert.DoesNotContain(_rig.Node.Commands, c => c.Contains("kubelet", StringComparison.Ordinal));
    }

    [Fact]
    public async Task KubeadmsAnnotation_FollowsTheKubelet()
    {
        _rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["annotations"] =
            new System.Text.Json.Nodes.JsonObject { ["kubeadm.alpha.kubernetes.io/cri-socket"] = TestNode.Containerd });
        await _rig.StartAgentAsync();
        await SwitchedAsync();

        Assert.Equal(TestNode.Crisp, _rig.Api.Annotation("n1", "kubeadm.alpha.kubernetes.io/cri-socket"));
    }

    [Fact]
    public async Task Labels_FollowWhatTheNodeCanDo()
    {
        _rig.Options = _rig.Options with { SwitchKubelet = false };
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.Label("n1", "crisp.dev/kvm") == "false", "there is no guest image");

        _rig.Node.HasGuestImage = true;
        await _rig.UntilAsync(() => _rig.Api.Label("n1", "crisp.dev/kvm") == "true", "VM pods can run");

        // Somebody else's hand.
        _rig.Api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!["crisp.dev/kvm"] = "maybe");
        await _rig.UntilAsync(() => _rig.Api.Label("n1", "crisp.dev/kvm") == "true", "the label is true again");
    }

    [Fact]
    public async Task GuestImage_IsMadeWhereThereIsKvm()
    {
        _rig.Options = _rig.Options with { SwitchKubelet = false, BuildGuestImage = true };
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.Label("n1", "crisp.dev/kvm") == "true", "VM pods can run");

        Assert.Single(_rig.Node.Commands, c => c.EndsWith("crisp vm build", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NodeThatCannotRunPods_IsNotSwitched_AndSaysWhy()
    {
        _rig.Node.IsUsable = false;
        await _rig.StartAgentAsync();
        await _rig.UntilAsync(() => _rig.Api.EventReasons().Contains("NodeUnusable"), "it is said");

        Assert.Equal("This node cannot run pods with crisp. cgroups: no hierarchy is mounted. ", _rig.Api.EventMessage("NodeUnusable"));
        Assert.False(_rig.IsOnCrisp);
        Assert.False(_rig.Api.IsCordoned("n1"));

        // Said once in a while and not at each look.
        await LooksAsync(10);
        var told = _rig.Api.List("/api/v1/namespaces/default/events/").Single(e => $"{e["reason"]}" == "NodeUnusable");
        Assert.Equal(1, told["count"]!.GetValue<int>());
    }

    [Fact]
    public async Task NodeThatIsAsItShouldBe_CostsTheApiServerTwoReadsALook()
    {
        await _rig.StartAgentAsync();
        await SwitchedAsync();
        await LooksAsync(5);
        _rig.Api.Requests.Clear();
        await LooksAsync(10);
        var requests = _rig.Api.Requests.ToList();

        Assert.All(requests, r => Assert.StartsWith("GET ", r, StringComparison.Ordinal));
        // The look that is under way may have read one and not yet the other.
        Assert.InRange(requests.Count(r => r.Contains("/leases/", StringComparison.Ordinal)), 1, requests.Count(r => r == "GET /api/v1/nodes/n1") + 1);
    }

    [Fact]
    public async Task Metrics_AndHealth_AreServed()
    {
        await _rig.StartAgentAsync();
        await SwitchedAsync();
        using var http = new HttpClient();

        Assert.Equal("ok\n", await http.GetStringAsync($"{_rig.Url}/readyz"));
        await _rig.UntilAsync(() => http.GetStringAsync($"{_rig.Url}/metrics").Result.Contains("crisp_node_agent_phase{phase=\"ready\"} 1", StringComparison.Ordinal), "the phase is ready");
        var metrics = await http.GetStringAsync($"{_rig.Url}/metrics");
        Assert.Contains("crisp_node_agent_build_info{version=\"0.1.0\"} 1", metrics, StringComparison.Ordinal);
        Assert.Contains("crisp_node_agent_ready 1", metrics, StringComparison.Ordinal);
        Assert.Contains("crisp_node_agent_api_calls_total{call=\"patch node\",outcome=\"ok\"}", metrics, StringComparison.Ordinal);
        Assert.Contains("crisp_node_agent_phase{phase=\"switching\"} 0", metrics, StringComparison.Ordinal);
    }

    private Task LooksAsync(int count)
    {
        var until = _rig.Api.Requests.Count(r => r == "GET /api/v1/nodes/n1") + count;
        return _rig.UntilAsync(() => _rig.Api.Requests.Count(r => r == "GET /api/v1/nodes/n1") >= until, "the agent has looked several times");
    }

    private Task SwitchedAsync() => _rig.UntilAsync(
        () => _rig.IsOnCrisp && !_rig.Api.IsCordoned("n1") && _rig.Api.LeaseHolder is null && _rig.Api.EventReasons().Contains("Switched"), "the node is switched");

    private List<string> Files() =>
        [.. Directory.EnumerateFiles(_rig.Node.Root.Path, "*", SearchOption.AllDirectories).Order().Select(f => $"{Path.GetRelativePath(_rig.Node.Root.Path, f)}: {(f.Contains("sock", StringComparison.Ordinal) ? "" : File.ReadAllText(f))}")];
}
