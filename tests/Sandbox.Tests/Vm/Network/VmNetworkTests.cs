using System.Net;
using System.Net.Sockets;
using Crisp.Linux;
using Crisp.Network;
using Crisp.Network.Tests.RealPlugins;
using Crisp.Sandbox.Vm.Network;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Network;

/// <summary>Virtual machines on CNI's real plugins; another network namespace plays the guest.</summary>
public sealed class VmNetworkTests : IDisposable
{
    private const string Portmap = """{"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}""";
    private static readonly string[] _addresses = ["10.231.0.2", "fd00:231::2"];
    private readonly TestNode _node = new();
    private readonly NetNamespace _pod = new();

    public VmNetworkTests() => Assert.SkipUnless(File.Exists("/dev/net/tun"), "needs /dev/net/tun");

    public void Dispose()
    {
        _pod.Dispose();
        _node.Dispose();
    }

    [Fact]
    public async Task Guest_HasThePodsAddressesAndRoutes()
    {
        using var network = await JoinAsync();
        using var guest = new SimulatedGuest(network);

        Assert.All(_addresses, a => Assert.True(_node.Answers(a), $"{a} does not answer"));
        using (guest.Serve("hello"))
        {
            Assert.All(["10.231.0.2", "[fd00:231::2]"], a => Assert.Equal("hello", _node.Host.Shell($"timeout 9 busybox wget -qO- http://{a}/")));
        }

        // Beyond the bridge, through the default routes.
        Assert.Contains("1 packets received", guest.Namespace.Shell("busybox ping -c 1 -W 5 10.232.0.1"), StringComparison.Ordinal);
        Assert.Contains("1 packets received", guest.Namespace.Shell("busybox ping -c 1 -W 5 fd00:232::1"), StringComparison.Ordinal);
        foreach (var family in new[] { 4, 6 })
        {
            Assert.Equal(Words(_pod.Shell($"ip -{family} addr show eth0 | grep inet")), Words(guest.Namespace.Shell($"ip -{family} addr show eth0 | grep inet")));
            Assert.Equal(Words(_pod.Shell($"ip -{family} route")), Words(guest.Namespace.Shell($"ip -{family} route")));
        }
    }

    [Fact]
    public async Task PodsOwnStack_IsNeverHeard()
    {
        await AddAsync();
        Assert.All(_addresses, a => Assert.True(_node.Answers(a), $"{a} does not answer before the redirection"));

        using var network = Create();

        // No guest is there: whatever answered would be the namespace. A reset would refuse the connection; silence does not.
        Assert.All(["10.231.0.2", "fd00:231::2"], a => Assert.NotEqual(0, _node.Host.TryShell($"busybox ping -c 2 -i 0.2 -w 1 {a}").Code));
        Assert.All(_addresses, a => Assert.Equal(SocketError.TimedOut, Connect(a)));
        _node.Host.Shell("ip neigh flush dev crispt0 && ip -6 neigh flush dev crispt0");
        Assert.NotEqual(0, _node.Host.TryShell("busybox arping -c 2 -w 2 -I crispt0 10.231.0.2").Code);
        Assert.DoesNotContain("REACHABLE", _node.Host.Shell("busybox ping -c 1 -w 1 fd00:231::2; ip -6 neigh show fd00:231::2"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.232.0.1", "10.231.0.2")]
    [InlineData("fd00:232::1", "fd00:231::2")]
    public async Task HostPort_LeadsIntoTheGuest(string node, string address)
    {
        using var network = await JoinAsync(new CapabilityArguments { PortMappings = [new PortMapping(18080, 80, "tcp")] });
        using var guest = new SimulatedGuest(network);
        Assert.True(_node.Answers(address));

        using (guest.Serve("mapped"))
        {
            var host = node.Contains(':', StringComparison.Ordinal) ? $"[{node}]" : node;
            Assert.Equal("mapped", _node.Host.Shell($"timeout 9 busybox wget -qO- http://{host}:18080/"));
        }
    }

    [Fact]
    public async Task Mtu_IsThatOfTheInterfaceBeside()
    {
        await AddAsync();
        _pod.Shell("ip link set eth0 mtu 1399");
        using var network = Create();
        using var guest = new SimulatedGuest(network);

        Assert.Contains("mtu 1399", guest.Namespace.Shell("ip -o link show eth0"), StringComparison.Ordinal);
        Assert.Contains("mtu 1399", _pod.Shell("ip -o link show crisp-tap0"), StringComparison.Ordinal);
        Assert.Contains("1 packets received", guest.Namespace.Shell("busybox ping -c 1 -s 1300 -W 5 10.231.0.1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CheckAndDel_FindWhatAddMade()
    {
        using (var network = await JoinAsync())
        {
            using var guest = new SimulatedGuest(network);
            Assert.True(await _node.Cni.CheckAsync("pod1"));
            Assert.True(await _node.Cni.DeleteAsync("pod1"));
        }

        Assert.Empty(_node.Remains);
        Assert.Equal("lo", Assert.Single(_pod.Shell("ip -o link").Split('\n', StringSplitOptions.RemoveEmptyEntries)).Split(": ")[1]);
    }

    [Fact]
    public async Task EndOfTheMachine_LeavesWhatCniMade()
    {
        using (await JoinAsync())
        {
            Assert.Contains("crisp-tap0", _pod.Shell("ip -o link"), StringComparison.Ordinal);
        }

        Assert.DoesNotContain("crisp-tap0", _pod.Shell("ip -o link"), StringComparison.Ordinal);
        Assert.True(await _node.Cni.CheckAsync("pod1"));
    }

    [Fact]
    public async Task SecondMachine_IsRefused()
    {
        using var network = await JoinAsync();

        var error = Assert.Throws<LinuxException>(Create);

        Assert.Equal(Errno.EBUSY, error.Errno);
        Assert.DoesNotContain("crisp-tap1", _pod.Shell("ip -o link"), StringComparison.Ordinal);
    }

    private async Task<VmNetwork> JoinAsync(CapabilityArguments? capabilities = null)
    {
        await AddAsync(capabilities);
        return Create();
    }

    private async Task AddAsync(CapabilityArguments? capabilities = null)
        => await _node.Cni.AddAsync(_node.Config("1.0.0", Portmap), TestNode.Attachment(_pod, capabilities: capabilities));

    private VmNetwork Create()
    {
        using var ns = Files.Open(_pod.Path, OpenFlags.ReadOnly);
        return VmNetwork.Create(ns);
    }

    private SocketError Connect(string address) => _node.Host.Run(() =>
    {
        using var socket = new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        try
        {
            socket.Connect(IPAddress.Parse(address), 80);
            return SocketError.Success;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            return socket.Poll(TimeSpan.FromSeconds(1), SelectMode.SelectWrite) ? SocketError.ConnectionRefused : SocketError.TimedOut;
        }
    });

    // Lines in any order; "nodad" is what the guest has on purpose.
    // Left out: that nobody is asked who has an address, and who gave it (iproute2 6.2 and later tell that the kernel did).
    private static List<string> Words(string text) =>
    [
        .. text.Replace(" proto kernel_ll", "", StringComparison.Ordinal).Split('\n')
            .Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(w => w != "nodad"))).Order(StringComparer.Ordinal),
    ];
}
