using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Crisp.Network.Tests.RealPlugins;

public sealed class BridgeTests : IDisposable
{
    private const string Portmap = """{"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}""";
    private readonly TestNode _node = new();

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public async Task Pod_AnswersOnBothOfItsAddresses(string version)
    {
        using var pod = new NetNamespace();

        // Debian's firewall plugin does not speak 0.3.1.
        string[] further = version == "0.3.1" ? [Portmap] : [Portmap, """{"type": "firewall"}"""];
        var result = await _node.Cni.AddAsync(_node.Config(version, further), TestNode.Attachment(pod));

        var addresses = result.AddressesOf("eth0").Select(a => a.ToString()).ToList();
        Assert.Equal(["10.231.0.2", "fd00:231::2"], addresses);
        Assert.Equal(addresses, _node.Leases);
        Assert.All(addresses, a => Assert.True(_node.Answers(a), $"{a} does not answer"));
        Assert.Contains("default via 10.231.0.1", pod.Shell("ip route"), StringComparison.Ordinal);
        Assert.Equal(version != "0.3.1", await _node.Cni.CheckAsync("pod1"));

        Assert.True(await _node.Cni.DeleteAsync("pod1"));

        Assert.Empty(_node.Remains);
        Assert.DoesNotContain("eth0", pod.Shell("ip -o link"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_NoticesAnInterfaceThatIsGone()
    {
        using var pod = new NetNamespace();
        await _node.Cni.AddAsync(_node.Config(), TestNode.Attachment(pod));
        pod.Shell("ip link del eth0");

        var error = await Assert.ThrowsAsync<CniException>(() => _node.Cni.CheckAsync("pod1"));

        Assert.Contains("failed at CHECK", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.232.0.1", "10.231.0.2")]
    [InlineData("fd00:232::1", "fd00:231::2")]
    public async Task HostPort_LeadsIntoThePod(string node, string address)
    {
        using var pod = new NetNamespace();
        var capabilities = new CapabilityArguments { PortMappings = [new PortMapping(18080, 80, "tcp")] };
        await _node.Cni.AddAsync(_node.Config("1.0.0", Portmap), TestNode.Attachment(pod, capabilities: capabilities));
        Assert.True(_node.Answers(address));
        using var listener = pod.Run(() =>
        {
            var l = new TcpListener(IPAddress.Parse(address), 80);
            l.Start();
            return l;
        });

        var greeting = Task.Run(() =>
        {
            using var served = listener.AcceptSocket();
            served.Send("hello"u8);
        });
        var received = _node.Host.Run(() =>
        {
            using var client = new TcpClient(node, 18080);
            var buffer = new byte[16];
            return Encoding.ASCII.GetString(buffer, 0, client.GetStream().Read(buffer));
        });
        await greeting.WaitAsync(TimeSpan.FromSeconds(10));

        Assert.Equal("hello", received);
        await _node.Cni.DeleteAsync("pod1");
        Assert.Empty(_node.Remains);
        Assert.Throws<InvalidOperationException>(() => _node.Host.Run(() => new TcpClient(node, 18080)));
    }

    [Fact]
    public async Task PortsOfEveryProtocol_AreMapped()
    {
        using var pod = new NetNamespace();
        var capabilities = new CapabilityArguments
        {
            PortMappings = [new PortMapping(18081, 81, "udp"), new PortMapping(18082, 82, "sctp"), new PortMapping(18083, 83, "tcp", "10.232.0.1")],
        };

        await _node.Cni.AddAsync(_node.Config("1.0.0", Portmap), TestNode.Attachment(pod, capabilities: capabilities));

        var rules = _node.Host.Shell("iptables-save -t nat");
        Assert.Contains("-p udp -m udp --dport 18081 -j DNAT --to-destination 10.231.0.2:81", rules, StringComparison.Ordinal);
        Assert.Contains("-p sctp -m sctp --dport 18082 -j DNAT --to-destination 10.231.0.2:82", rules, StringComparison.Ordinal);
        Assert.Contains("-d 10.232.0.1/32 -p tcp -m tcp --dport 18083 -j DNAT --to-destination 10.231.0.2:83", rules, StringComparison.Ordinal);
        await _node.Cni.DeleteAsync("pod1");
        Assert.Empty(_node.Remains);
    }

    [Fact]
    public async Task Bandwidth_IsLimitedWhereAsked()
    {
        using var pod = new NetNamespace();
        var capabilities = new CapabilityArguments { Bandwidth = new Bandwidth(8_000_000, 8_000_000, 0, 0) };
        var network = _node.Config("1.0.0", """{"type": "bandwidth", "capabilities": {"bandwidth": true}}""");

        await _node.Cni.AddAsync(network, TestNode.Attachment(pod, capabilities: capabilities));

        Assert.Contains("tbf", _node.Host.Shell("tc qdisc"), StringComparison.Ordinal);
        await _node.Cni.DeleteAsync("pod1");
        Assert.Empty(_node.Remains);
    }

    [Fact]
    public async Task PodWhoseNamespaceIsGone_GivesItsLeasesBack()
    {
        var network = _node.Config("1.0.0", Portmap, """{"type": "firewall"}""");
        var capabilities = new CapabilityArguments { PortMappings = [new PortMapping(18080, 80, "tcp")] };
        using (var pod = new NetNamespace())
        {
            await _node.Cni.AddAsync(network, TestNode.Attachment(pod, capabilities: capabilities));
        }

        Assert.Equal(2, _node.Leases.Count);
        Assert.True(await _node.Cni.DeleteAsync("pod1"));

        Assert.Empty(_node.Leases);
        Assert.DoesNotContain("18080", _node.Host.Shell("iptables-save"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task FailingPlugin_AtTheEndOfTheChain_LeavesNothing()
    {
        _node.AddProgram("broken", """[ $CNI_COMMAND != ADD ] || { echo '{"code":7,"msg":"bad configuration"}'; exit 1; }""");
        using var pod = new NetNamespace();
        var capabilities = new CapabilityArguments { PortMappings = [new PortMapping(18080, 80, "tcp")] };

        var error = await Assert.ThrowsAsync<CniException>(
            () => _node.Cni.AddAsync(_node.Config("1.0.0", Portmap, """{"type": "broken"}"""), TestNode.Attachment(pod, capabilities: capabilities)));

        Assert.Contains("bad configuration [code 7]. Correct /etc/cni/net.d/10-crispt.conflist.", error.Message, StringComparison.Ordinal);
        Assert.Empty(_node.Remains);
        Assert.DoesNotContain("eth0", pod.Shell("ip -o link"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task PluginThatDoesNotSpeakTheVersion_SaysWhatToDo()
    {
        using var pod = new NetNamespace();
        var speaks = _node.Host.Shell($"echo '{{\"cniVersion\":\"1.0.0\"}}' | CNI_COMMAND=VERSION {_node.Options.BinDirectories[0]}/bridge");
        Assert.SkipWhen(speaks.Contains("1.1.0", StringComparison.Ordinal), "the installed plugins speak 1.1.0");

        var error = await Assert.ThrowsAsync<CniException>(() => _node.Cni.AddAsync(_node.Config("1.1.0"), TestNode.Attachment(pod)));

        Assert.Equal(CniError.IncompatibleVersion, error.Error!.Code);
        Assert.Contains("Set \"cniVersion\" in /etc/cni/net.d/10-crispt.conflist", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FullSubnet_SaysSo()
    {
        var network = NetworkConfigReader.Read(
            Encoding.UTF8.GetBytes(_node.Config().ToJson().GetRawText().Replace("10.231.0.0/24", "10.231.0.0/30", StringComparison.Ordinal)), "10-small.conflist");
        using var one = new NetNamespace();
        using var two = new NetNamespace();
        await _node.Cni.AddAsync(network, TestNode.Attachment(one, "pod1"));

        var error = await Assert.ThrowsAsync<CniException>(() => _node.Cni.AddAsync(network, TestNode.Attachment(two, "pod2")));

        Assert.Contains("Every address of the subnet is leased", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, _node.Leases.Count);
        await _node.Cni.DeleteAsync("pod1");
        Assert.Empty(_node.Remains);
    }
}
