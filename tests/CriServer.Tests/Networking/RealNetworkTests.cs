using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Crisp.Network.Tests.RealPlugins;
using Xunit;

namespace Crisp.CriServer.Tests.Networking;

/// <summary>Pods on CNI's real plugins, in a namespace that they take for the host: what pods and the host see of each other.</summary>
public sealed class RealNetworkTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly TestNode _host;
    private readonly PodNode _node;

    public RealNetworkTests()
    {
        PodNode.Require();
        _host = new TestNode();
        var conf = Directory.CreateDirectory(_directory.Combine("net.d")).FullName;
        var network = _host.Config(
            "1.0.0",
            """{"type":"portmap","capabilities":{"portMappings":true},"snat":true}""",
            """{"type":"bandwidth","capabilities":{"bandwidth":true}}""");
        File.WriteAllText(Path.Combine(conf, "10-crispt.conflist"), network.ToJson().GetRawText());
        File.WriteAllText(_directory.Combine("config.toml"), $"""
            [cni]
            conf_dir = "{conf}"
            bin_dirs = ["{_host.Options.BinDirectories[0]}"]

            """);
        _node = new PodNode(_directory.Combine("config.toml"));
    }

    public ValueTask InitializeAsync() => _node.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        var remains = _host.Remains;
        _host.Dispose();
        _directory.Dispose();
        Assert.Empty(remains);
    }

    [Fact]
    public async Task Pods_ReachEachOtherAndTheHostReachesThem()
    {
        var server = await RunAsync();
        await ServeAsync(server, "hello");
        var client = await RunAsync();
        var network = (await _node.PodStatusAsync(server)).Network;

        Assert.Equal("hello", await GetAsync(client, $"http://{network.Ip}/"));
        Assert.Equal("hello", await GetAsync(client, $"http://[{Assert.Single(network.AdditionalIps).Ip}]/"));
        Assert.Equal("hello", _host.Host.Shell($"timeout 5 busybox wget -qO- http://{network.Ip}/").Trim());
        Assert.Contains(network.Ip, (await _node.OutputAsync(server, ["busybox", "ip", "addr", "show", "eth0"], InPodNetwork)).Output, StringComparison.Ordinal);
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

        Assert.Equal("mapped", _host.Host.Shell("timeout 5 busybox wget -qO- http://10.232.0.1:18080/").Trim());
        Assert.Contains("tbf", _host.Host.Shell("tc qdisc"), StringComparison.Ordinal);

        await _node.StopPodAsync(pod);

        Assert.NotEqual(0, _host.Host.TryShell("timeout 2 busybox wget -qO- http://10.232.0.1:18080/").Code);
        Assert.Empty(_host.Remains);
    }

    [Fact]
    public async Task Network_OutlivesTheDaemon()
    {
        var pod = await RunAsync();
        await ServeAsync(pod, "still here");
        var ip = (await _node.PodStatusAsync(pod)).Network.Ip;

        await _node.Daemon.KillAsync();
        Assert.Equal("still here", _host.Host.Shell($"timeout 5 busybox wget -qO- http://{ip}/").Trim());
        await _node.Daemon.StartAgainAsync();
        Assert.Equal("still here", _host.Host.Shell($"timeout 5 busybox wget -qO- http://{ip}/").Trim());
    }

    private async Task<string> RunAsync(Action<PodSandboxConfig>? change = null)
        => (await _node.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = _node.NetworkPodConfig(change) })).PodSandboxId;

    private static void InPodNetwork(ContainerConfig config) => config.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;

    private async Task ServeAsync(string pod, string text)
    {
        var script = $"mkdir /www; echo {text} > /www/index.html; exec busybox httpd -f -p 80 -h /www";
        var container = await _node.LaunchAsync(pod, ["sh", "-c", script], InPodNetwork);
        for (var tries = 0; (await _node.ExecAsync(container, "busybox", "wget", "-qO-", "http://127.0.0.1/")).Code != 0; tries++)
        {
            Assert.True(tries < 100, "The server in the pod does not answer itself.");
            await Task.Delay(50);
        }
    }

    private async Task<string> GetAsync(string pod, string url)
        => (await _node.OutputAsync(pod, ["busybox", "wget", "-qO-", url], InPodNetwork)).Output.Trim();
}
