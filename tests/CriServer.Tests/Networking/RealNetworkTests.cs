using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Xunit;

namespace Crisp.CriServer.Tests.Networking;

/// <summary>Pods on CNI's real plugins, in a namespace that they take for the host: what pods and the host see of each other.</summary>
public sealed class RealNetworkTests : IAsyncLifetime
{
    private readonly RealNetworkNode _network = new();

    private PodNode Node => _network.Pods;

    public ValueTask InitializeAsync() => _network.InitializeAsync();

    public ValueTask DisposeAsync() => _network.DisposeAsync();

    [Fact]
    public async Task Pods_ReachEachOtherAndTheHostReachesThem()
    {
        var server = await RunAsync();
        await ServeAsync(server, "hello");
        var client = await RunAsync();
        var network = (await Node.PodStatusAsync(server)).Network;

        Assert.Equal("hello", await GetAsync(client, $"http://{network.Ip}/"));
        Assert.Equal("hello", await GetAsync(client, $"http://[{Assert.Single(network.AdditionalIps).Ip}]/"));
        Assert.Equal("hello", _network.TryGet($"http://{network.Ip}/"));
        Assert.Contains(network.Ip, (await Node.OutputAsync(server, ["busybox", "ip", "addr", "show", "eth0"], InPodNetwork)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HostPort_LeadsIntoThePodUntilItStops()
    {
        var pod = await RunAsync(c =>
        {
            c.PortMappings.Add(new PortMapping { HostPort = 18080, ContainerPort = 80 });
            c.Annotations.Add("kubernetes.io/ingress-bandwidth", "100M");
        });
        await ServeAsync(pod, "mapped");

        Assert.Equal("mapped", _network.TryGet($"http://{RealNetworkNode.HostAddress}:18080/"));
        Assert.Contains("tbf", _network.Host.Host.Shell("tc qdisc"), StringComparison.Ordinal);

        await Node.StopPodAsync(pod);

        Assert.Null(_network.TryGet($"http://{RealNetworkNode.HostAddress}:18080/"));
        Assert.Empty(_network.Host.Remains);
    }

    [Fact]
    public async Task Network_OutlivesTheDaemon()
    {
        var pod = await RunAsync();
        await ServeAsync(pod, "still here");
        var ip = (await Node.PodStatusAsync(pod)).Network.Ip;

        await Node.Daemon.KillAsync();
        Assert.Equal("still here", _network.TryGet($"http://{ip}/"));
        await Node.Daemon.StartAgainAsync();
        Assert.Equal("still here", _network.TryGet($"http://{ip}/"));
    }

    private async Task<string> RunAsync(Action<PodSandboxConfig>? change = null)
        => (await Node.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = Node.NetworkPodConfig(change) })).PodSandboxId;

    private static void InPodNetwork(ContainerConfig config) => config.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;

    private async Task ServeAsync(string pod, string text)
    {
        var script = $"mkdir /www; echo {text} > /www/index.html; exec busybox httpd -f -p 80 -h /www";
        var container = await Node.LaunchAsync(pod, ["sh", "-c", script], InPodNetwork);
        for (var tries = 0; (await Node.ExecAsync(container, "busybox", "wget", "-qO-", "http://127.0.0.1/")).Code != 0; tries++)
        {
            Assert.True(tries < 100, "The server in the pod does not answer itself.");
            await Task.Delay(50);
        }
    }

    private async Task<string> GetAsync(string pod, string url)
        => (await Node.OutputAsync(pod, ["busybox", "wget", "-qO-", url], InPodNetwork)).Output.Trim();
}
