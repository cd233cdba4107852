using System.Text.Json;
using System.Text.Json.Nodes;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Networking;

/// <summary>Pods with a network namespace, and a plugin that gives addresses away: what the daemon tells it, and when.</summary>
public sealed class PodNetworkTests(PodNode node) : IClassFixture<PodNode>
{
    [Fact]
    public async Task Pod_HasItsAddressesAsLongAsItIsReady()
    {
        PodNode.Require();
        var pod = await RunAsync();

        var status = await node.PodStatusAsync(pod);
        Assert.Equal(LeaseNetwork.AddressOf(pod), status.Network.Ip);
        Assert.StartsWith("fd00:233::", Assert.Single(status.Network.AdditionalIps).Ip, StringComparison.Ordinal);
        Assert.Equal(NamespaceMode.Pod, status.Linux.Namespaces.Options.Network);
        Assert.Equal("eth0", (await InfoAsync(pod)).GetProperty("cniResult").GetProperty("interfaces")[0].GetProperty("name").GetString());
        await Invariants.CheckAsync(node);

        await node.StopPodAsync(pod);
        Assert.Equal("", (await node.PodStatusAsync(pod)).Network.Ip);
        Assert.Empty(node.Network.Leases);
        await node.StopPodAsync(pod);
        await node.RemovePodAsync(pod);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task Plugin_IsToldOfThePod()
    {
        PodNode.Require();
        node.Network.Configure(further: ""","capabilities":{"portMappings":true,"bandwidth":true,"dns":true}""");
        var config = node.NetworkPodConfig(c =>
        {
            c.PortMappings.Add(new PortMapping { HostPort = 8080, ContainerPort = 80, Protocol = Protocol.Sctp, HostIp = "192.0.2.1" });
            c.PortMappings.Add(new PortMapping { ContainerPort = 81 });
            c.Annotations.Add("kubernetes.io/ingress-bandwidth", "10M");
            c.DnsConfig = new DNSConfig { Servers = { "10.96.0.10" } };
        });
        var pod = (await node.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config })).PodSandboxId;

        var given = node.Network.Given(pod);

        Assert.Contains(
            $"CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={config.Metadata.Name};K8S_POD_INFRA_CONTAINER_ID={pod};K8S_POD_UID={config.Metadata.Uid}\n",
            given, StringComparison.Ordinal);
        Assert.Contains($"CNI_CONTAINERID={pod}\n", given, StringComparison.Ordinal);
        Assert.Contains("CNI_IFNAME=eth0\n", given, StringComparison.Ordinal);
        Assert.Matches("\nCNI_NETNS=/proc/[0-9]+/fd/[0-9]+\n", given);
        Assert.Contains("\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"sctp\",\"hostIP\":\"192.0.2.1\"}]", given, StringComparison.Ordinal);
        Assert.Contains("\"bandwidth\":{\"ingressRate\":10000000,", given, StringComparison.Ordinal);
        Assert.Contains("\"dns\":{\"servers\":[\"10.96.0.10\"]", given, StringComparison.Ordinal);
        node.Network.Configure();
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Container_SeesThePodsNameAndItsFiles()
    {
        PodNode.Require();
        var config = node.NetworkPodConfig(c =>
        {
            c.Hostname = "web-0";
            c.DnsConfig = new DNSConfig { Servers = { "10.96.0.10" }, Searches = { "svc.cluster.local", "local" }, Options = { "ndots:5" } };
        });
        var pod = (await node.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config })).PodSandboxId;
        var ip = LeaseNetwork.AddressOf(pod);

        Assert.Equal("web-0\nweb-0", (await OutputAsync(pod, "hostname; cat /etc/hostname")).TrimEnd());
        Assert.Equal("search svc.cluster.local local\nnameserver 10.96.0.10\noptions ndots:5", await OutputAsync(pod, "cat /etc/resolv.conf"));
        Assert.Contains($"\n{ip}\tweb-0\nfd00:233::", await OutputAsync(pod, "cat /etc/hosts"), StringComparison.Ordinal);
        Assert.Contains("1 packets received", await OutputAsync(pod, "busybox ping -c 1 -W 2 127.0.0.1"), StringComparison.Ordinal);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task FailingPlugin_FailsThePodAndLeavesNothing()
    {
        PodNode.Require();
        node.Network.Behave("""[ $CNI_COMMAND != ADD ] || { echo '{"code":11,"msg":"no route to the controller"}'; exit 1; }""");
        var (code, message) = await PodNode.RefusedAsync(() => RunAsync());
        node.Network.Behave("");

        Assert.Equal(StatusCode.Unavailable, code);
        Assert.Contains("failed at ADD: no route to the controller", message, StringComparison.Ordinal);
        await Invariants.CheckAsync(node);
        Assert.Empty(Invariants.CgroupsOf(node));
        await node.RemovePodAsync(await RunAsync());
    }

    [Fact]
    public async Task PluginWithoutAnAddress_FailsThePod()
    {
        PodNode.Require();
        node.Network.Behave("""[ $CNI_COMMAND != ADD ] || { echo '{"cniVersion":"1.0.0"}'; exit 0; }""");
        var (_, message) = await PodNode.RefusedAsync(() => RunAsync());
        node.Network.Behave("");

        Assert.Contains("gave the pod no address", message, StringComparison.Ordinal);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task WithoutAConfiguration_PodsOfTheNodesNetworkRun()
    {
        PodNode.Require();
        File.Delete(node.Network.NetworkFile);
        var (code, message) = await PodNode.RefusedAsync(() => RunAsync());
        var host = await node.RunPodAsync();
        node.Network.Configure();

        Assert.Equal(StatusCode.FailedPrecondition, code);
        Assert.Contains("There is no CNI configuration in", message, StringComparison.Ordinal);
        Assert.Equal("", (await node.PodStatusAsync(host)).Network.Ip);
        Assert.DoesNotContain(host, node.Network.Leases);
        await node.RemovePodAsync(host);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task HostPort_IsOnePodsUntilItStops()
    {
        PodNode.Require();
        var first = await RunAsync(c => c.PortMappings.Add(new PortMapping { HostPort = 8080, ContainerPort = 80 }));
        var (code, message) = await PodNode.RefusedAsync(
            () => RunAsync(c => c.PortMappings.Add(new PortMapping { HostPort = 8080, ContainerPort = 81, HostIp = "192.0.2.1" })));
        Assert.Equal(StatusCode.FailedPrecondition, code);
        Assert.Contains($"8080/tcp of 192.0.2.1 leads into the pod", message, StringComparison.Ordinal);
        Assert.Contains(first, message, StringComparison.Ordinal);
        Assert.Equal([first], node.Network.Leases);

        // Other protocols have ports of their own, and a daemon that starts remembers.
        var udp = await RunAsync(c => c.PortMappings.Add(new PortMapping { HostPort = 8080, ContainerPort = 80, Protocol = Protocol.Udp }));
        await node.Daemon.KillAsync();
        await node.Daemon.StartAgainAsync();
        await PodNode.RefusedAsync(() => RunAsync(c => c.PortMappings.Add(new PortMapping { HostPort = 8080, ContainerPort = 80 })));
        await node.StopPodAsync(first);
        var second = await RunAsync(c => c.PortMappings.Add(new PortMapping { HostPort = 8080, ContainerPort = 80 }));
        foreach (var pod in (string[])[first, second, udp])
        {
            await node.RemovePodAsync(pod);
        }

        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task ConfigurationThatChangesWhilePodsRun_IsNotTheOneTheyLeave()
    {
        PodNode.Require();
        var pod = await RunAsync();
        var left = Path.Combine(node.Daemon.Scratch, "left");
        node.Network.Behave($"[ $CNI_COMMAND != DEL ] || cat > {left}");
        await File.WriteAllTextAsync(node.Network.NetworkFile, """{"cniVersion":"1.0.0","name":"another","plugins":[{"type":"crispt-lease"}]}""");
        var second = await RunAsync();
        await node.StopPodAsync(pod);
        Assert.Contains("\"name\":\"crispt\"", await File.ReadAllTextAsync(left), StringComparison.Ordinal);

        await File.WriteAllTextAsync(node.Network.NetworkFile, "{");
        await node.StopPodAsync(second);
        Assert.Contains("\"name\":\"another\"", await File.ReadAllTextAsync(left), StringComparison.Ordinal);
        Assert.Empty(node.Network.Leases);
        node.Network.Behave("");
        node.Network.Configure();
        await node.RemovePodAsync(pod);
        await node.RemovePodAsync(second);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task PodWhoseCallerGaveUp_IsRemovedByWhoeverFindsIt()
    {
        PodNode.Require();
        var (at, go) = (Path.Combine(node.Daemon.Scratch, "at"), Path.Combine(node.Daemon.Scratch, "go"));
        node.Network.Behave($"[ $CNI_COMMAND != ADD ] || {{ echo $CNI_CONTAINERID > {at}; while [ ! -e {go} ]; do sleep 0.05; done; }}");
        using var gaveUp = new CancellationTokenSource();
        var run = node.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = node.NetworkPodConfig() }, cancellationToken: gaveUp.Token).ResponseAsync;
        await UntilAsync(() => File.Exists(at) && new FileInfo(at).Length > 0);
        var pod = (await File.ReadAllTextAsync(at)).Trim();

        // Idempotent calls: what is being made is not there yet, and they do not wait for it.
        await node.StopPodAsync(pod);
        await node.RemovePodAsync(pod);
        await gaveUp.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => run)).StatusCode);
        await File.WriteAllTextAsync(go, "");
        await UntilAsync(() => node.Runtime.ListPodSandbox(new ListPodSandboxRequest()).Items.Any(p => p.Id == pod));
        node.Network.Behave("");
        await node.StopPodAsync(pod);
        await node.RemovePodAsync(pod);
        Assert.Empty(node.Network.Leases);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task PluginThatCannotDelete_IsAskedAgainByTheNextStop()
    {
        PodNode.Require();
        var pod = await RunAsync();
        var container = await node.SleeperAsync(pod);
        node.Network.Behave("""[ $CNI_COMMAND != DEL ] || { echo '{"code":100,"msg":"the controller is away"}'; exit 1; }""");

        var (_, message) = await PodNode.RefusedAsync(() => node.StopPodAsync(pod));
        Assert.Contains("could not leave its network", message, StringComparison.Ordinal);
        Assert.Contains("the controller is away", message, StringComparison.Ordinal);

        // Its processes are gone all the same, and its record stays as long as the lease.
        Assert.Equal(PodSandboxState.SandboxNotready, (await node.PodStatusAsync(pod)).State);
        Assert.Equal(ContainerState.ContainerExited, (await node.StatusAsync(container)).State);
        await PodNode.RefusedAsync(() => node.RemovePodAsync(pod));
        Assert.Contains(pod, node.Network.Leases);

        // The namespace is still held for the plugin.
        node.Network.Behave("""[ $CNI_COMMAND != DEL ] || [ -n "$CNI_NETNS" ] || exit 1""");
        await node.StopPodAsync(pod);
        node.Network.Behave("");
        await node.RemovePodAsync(pod);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task PodsProcessKilled_DeletesWithTheNamespace()
    {
        PodNode.Require();
        node.Network.Behave("""[ $CNI_COMMAND != DEL ] || [ -n "$CNI_NETNS" ] || { echo '{"code":100,"msg":"no namespace"}'; exit 1; }""");
        var pod = await RunAsync();
        Linux.Processes.Kill(Invariants.PodProcesses(node).Single(p => p.Value == pod).Key, 9);
        await UntilAsync(() => node.Network.Leases.Count == 0);
        node.Network.Behave("");
        await node.StopPodAsync(pod);
        await Invariants.CheckAsync(node);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task PodsProcessKilledWhileTheDaemonIsAway_DeletesWithoutTheNamespace()
    {
        PodNode.Require();
        node.Network.Behave("""[ $CNI_COMMAND != DEL ] || [ -z "$CNI_NETNS" ] || { echo '{"code":100,"msg":"a wrong namespace"}'; exit 1; }""");
        var pod = await RunAsync();
        await node.Daemon.KillAsync();
        var process = Invariants.PodProcesses(node).Single(p => p.Value == pod).Key;
        Linux.Processes.Kill(process, 9);
        await UntilAsync(() => !Invariants.PodProcesses(node).ContainsKey(process));
        await node.Daemon.StartAgainAsync();
        node.Network.Behave("");

        Assert.Equal(PodSandboxState.SandboxNotready, (await node.PodStatusAsync(pod)).State);
        Assert.DoesNotContain(pod, node.Network.Leases);
        await node.RemovePodAsync(pod);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task Restart_KeepsTheAddressAndTheNamespace()
    {
        PodNode.Require();
        var pod = await RunAsync();
        var before = await node.PodStatusAsync(pod);
        await node.Daemon.KillAsync();
        await node.Daemon.StartAgainAsync();

        Assert.Equal(before.Network, (await node.PodStatusAsync(pod)).Network);
        node.Network.Behave("""[ $CNI_COMMAND != DEL ] || [ -n "$CNI_NETNS" ] || { echo '{"code":100,"msg":"no namespace"}'; exit 1; }""");
        await node.StopPodAsync(pod);
        node.Network.Behave("");
        await node.RemovePodAsync(pod);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task LostRecord_GivesItsLeaseBack()
    {
        PodNode.Require();
        var pod = await RunAsync();
        await node.Daemon.KillAsync();
        File.Delete(Path.Combine(node.Daemon.Root, "records", "sandboxes", pod + ".json"));
        await node.Daemon.StartAgainAsync();

        Assert.DoesNotContain(pod, node.Network.Leases);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task Reboot_GivesLeasesBackWhoseCacheEntryWasLost()
    {
        PodNode.Require();
        var pod = await RunAsync();
        await node.Daemon.KillAsync();
        Linux.Processes.Kill(Invariants.PodProcesses(node).Single(p => p.Value == pod).Key, 9);
        await UntilAsync(() => !Invariants.PodProcesses(node).ContainsValue(pod));
        File.Delete(Path.Combine(node.Daemon.Root, "cni", $"{pod}@eth0.json"));
        var record = Path.Combine(node.Daemon.Root, "records", "sandboxes", pod + ".json");
        var json = JsonNode.Parse(await File.ReadAllTextAsync(record))!;
        json["process"]!["bootId"] = "00000000-0000-0000-0000-000000000000";
        await File.WriteAllTextAsync(record, json.ToJsonString());
        await node.Daemon.StartAgainAsync();

        Assert.Equal(PodSandboxState.SandboxNotready, (await node.PodStatusAsync(pod)).State);
        Assert.DoesNotContain(pod, node.Network.Leases);
        await node.RemovePodAsync(pod);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task Garbage_IsCollectedAtTheStart()
    {
        PodNode.Require();
        var pod = await RunAsync();
        var told = Path.Combine(node.Daemon.Scratch, "gc");
        node.Network.Behave($"[ $CNI_COMMAND != GC ] || cat > {told}");
        node.Network.Configure("1.1.0");
        await node.Daemon.StopAsync();
        await node.Daemon.StartAgainAsync();

        await UntilAsync(() => File.Exists(told) && new FileInfo(told).Length > 0);
        Assert.Contains($"[{{\"containerID\":\"{pod}\",\"ifname\":\"eth0\"}}]", await File.ReadAllTextAsync(told), StringComparison.Ordinal);
        node.Network.Behave("");
        node.Network.Configure();
        await node.RemovePodAsync(pod);
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("10.0.0.1\noptions debug")]
    public async Task DnsThatIsNotOneWord_IsRefused(string word)
    {
        PodNode.Require();
        var config = node.NetworkPodConfig(c => c.DnsConfig = new DNSConfig { Searches = { word } });

        var (code, _) = await PodNode.RefusedAsync(async () => await node.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config }));

        Assert.Equal(StatusCode.InvalidArgument, code);
    }

    private async Task<string> RunAsync(Action<PodSandboxConfig>? change = null)
        => (await node.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = node.NetworkPodConfig(change) })).PodSandboxId;

    private async Task<string> OutputAsync(string pod, string script) => (await node.OutputAsync(pod, ["sh", "-c", script], InPodNetwork)).Output;

    private static void InPodNetwork(ContainerConfig config) => config.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;

    private async Task<JsonElement> InfoAsync(string pod)
    {
        var info = (await node.Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = pod, Verbose = true })).Info["info"];
        return JsonElement.Parse(info);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var tries = 0; tries < 500 && !condition(); tries++)
        {
            await Task.Delay(20);
        }

        Assert.True(condition());
    }
}
