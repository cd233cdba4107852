using Crisp.Cri.V1;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "Networking" and "Multiple Containers".</summary>
public sealed class NetworkingTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task Dns_IsInResolvConf()
    {
        var output = await Cri.ScriptAsync("cat /etc/resolv.conf", OnPodNetwork, c =>
        {
            OnNetwork(c);
            c.DnsConfig = new DNSConfig { Servers = { "10.10.10.10" }, Searches = { "example.com" }, Options = { "ndots:8" } };
        });
        foreach (var line in new[] { "nameserver 10.10.10.10", "search example.com", "options ndots:8" })
        {
            Assert.Contains(line, output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Hostname_IsThePods()
        => Assert.Equal("a-name", await Cri.ScriptAsync("hostname", OnPodNetwork, c =>
        {
            OnNetwork(c);
            c.Hostname = "a-name";
        }));

    [Fact]
    public async Task ContainerPort_IsReachedAtThePodsAddress()
    {
        var pod = await ServeAsync(c => c.PortMappings.Add(new PortMapping { ContainerPort = 80 }));
        Assert.Equal("served", await AnswerAsync($"http://{(await Cri.PodStatusAsync(pod)).Network.Ip}/"));
    }

    [Fact]
    public async Task HostPort_LeadsToThePod()
    {
        await ServeAsync(c => c.PortMappings.Add(new PortMapping { ContainerPort = 80, HostPort = 12_080 }));
        Assert.Equal("served", await AnswerAsync("http://127.0.0.1:12080/"));
    }

    [Fact]
    public async Task Containers_ShareThePodsNetworkAndMemory()
    {
        var pod = await ServeAsync(_ => { });
        var second = await Cri.LaunchAsync(pod, ["sh", "-c", "echo shared > /dev/shm/file; sleep 1000"], OnPodNetwork);
        Assert.Equal("served", await Cri.ShellAsync(second, WaitFor("busybox wget -qO- http://127.0.0.1/")));
        Assert.Equal("shared", (await Cri.OutputAsync(pod, ["sh", "-c", WaitFor("cat /dev/shm/file")], OnPodNetwork)).Output);
    }

    private async Task<string> ServeAsync(Action<PodSandboxConfig> change)
    {
        var pod = await Cri.PodAsync(c =>
        {
            OnNetwork(c);
            change(c);
        });
        await Cri.LaunchAsync(pod, ["sh", "-c", "mkdir /www; echo served > /www/index.html; exec busybox httpd -f -p 80 -h /www"], OnPodNetwork);
        return pod;
    }

    private async Task<string> AnswerAsync(string url)
    {
        var answer = "";
        for (var tries = 0; tries < 30 && answer != "served"; tries++)
        {
            answer = (await Endpoint.GetAsync(url)).Trim();
            await Task.Delay(100);
        }

        return answer;
    }

    /// <summary>A command that is tried until it works, for a few seconds.</summary>
    private static string WaitFor(string command) => $"for i in $(seq 30); do {command} 2> /dev/null && break; sleep 0.1; done";

    private static void OnNetwork(PodSandboxConfig config) => config.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;

    private static void OnPodNetwork(ContainerConfig config) => config.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;
}
