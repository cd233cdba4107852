using System.Net;
using Xunit;

namespace Crisp.Linux.Tests;

/// <summary>What ip-link(8), ip-address(8), ip-route(8) and tc(8) say of the same things.</summary>
public sealed class RouteSocketTests : IDisposable
{
    private readonly TestNamespace _namespace = new();
    private readonly RouteSocket _socket;

    public RouteSocketTests()
    {
        Assert.SkipUnless(File.Exists("/usr/sbin/ip") || File.Exists("/sbin/ip"), "needs ip and tc (Debian: iproute2)");
        _socket = RouteSocket.Open(_namespace.File);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _namespace.Dispose();
    }

    [Fact]
    public void Links_AreThoseOfTheNamespace()
    {
        _namespace.Shell("ip link add one address 02:00:00:00:00:01 mtu 1400 type veth peer name two && ip link set one up");

        var links = _socket.Links();

        Assert.Equal(["lo", "one", "two"], links.Select(l => l.Name).Order());
        Assert.True(links.Single(l => l.Name == "lo").IsLoopback);
        var one = links.Single(l => l.Name == "one");
        Assert.Equal(new Link(one.Index, "one", "veth", true, false, MacAddress.Parse("02:00:00:00:00:01"), 1400), one);
        Assert.Contains($"{one.Index}: one", _namespace.Shell("ip -o link show one"), StringComparison.Ordinal);
    }

    [Fact]
    public void Change_DoesWhatIsAskedAndNothingElse()
    {
        var link = AddLink("one");

        _socket.Change(link, new LinkChange { Name = "eth0", Mtu = 1280, Mac = MacAddress.Parse("0a:58:0a:f4:00:07") });
        _socket.WithoutLinkLocalAddress(link);
        Assert.DoesNotContain("UP", _namespace.Shell("ip -o link show eth0"), StringComparison.Ordinal);
        _socket.Change(link, new LinkChange { IsUp = true });

        var changed = _namespace.Shell("ip -d -o link show eth0");
        Assert.Contains("mtu 1280", changed, StringComparison.Ordinal);
        Assert.Contains("link/ether 0a:58:0a:f4:00:07", changed, StringComparison.Ordinal);
        Assert.Contains("UP", changed, StringComparison.Ordinal);
        Assert.Contains("addrgenmode none", changed, StringComparison.Ordinal);
        Assert.Empty(_namespace.Shell("ip -6 addr show eth0"));
        _socket.Change(link, new LinkChange { IsUp = false });
        Assert.Contains("state DOWN", _namespace.Shell("ip -o link show eth0"), StringComparison.Ordinal);
    }

    [Fact]
    public void Addresses_GoInAndComeOut()
    {
        var link = AddLink("one", isUp: true);
        LinkAddress[] addresses =
        [
            new(link.Index, IPAddress.Parse("10.9.0.1"), 32)
            {
                Peer = IPAddress.Parse("10.9.0.2"), Scope = RouteScope.Link, Flags = AddressFlags.Permanent | AddressFlags.NoPrefixRoute,
            },
            new(link.Index, IPAddress.Parse("10.1.2.3"), 24) { Broadcast = IPAddress.Parse("10.1.2.255"), Flags = AddressFlags.Permanent },
            new(link.Index, IPAddress.Parse("fd00::7"), 64) { Flags = AddressFlags.NoDuplicateDetection | AddressFlags.Permanent },
        ];

        foreach (var address in addresses)
        {
            _socket.Add(address);
        }

        var text = _namespace.Shell("ip -o addr show one");
        Assert.Contains("10.1.2.3/24 brd 10.1.2.255 scope global", text, StringComparison.Ordinal);
        Assert.Contains("10.9.0.1 peer 10.9.0.2/32 scope link noprefixroute", text, StringComparison.Ordinal);
        Assert.Contains("fd00::7/64 scope global nodad", text, StringComparison.Ordinal);
        Assert.Equal(addresses, _socket.Addresses().Where(a => !a.Address.IsIPv6LinkLocal));
        Assert.Equal(Errno.EEXIST, Assert.Throws<NetlinkException>(() => _socket.Add(addresses[0])).Errno);
    }

    [Fact]
    public void ManyAddresses_ComeInSeveralDatagrams()
    {
        var link = AddLink("one");
        for (var i = 0; i < 1000; i++)
        {
            _socket.Add(new LinkAddress(link.Index, new IPAddress([10, 7, (byte)(i >> 8), (byte)i]), 32));
        }

        Assert.Equal(1000, _socket.Addresses().Count(a => a.Link == link.Index));
    }

    [Theory]
    [InlineData("10.1.0.1/16")]
    [InlineData("fd00:1::1/32")]
    public void Routes_GoInAndComeOut(string own)
    {
        var link = AddLink("one", isUp: true);
        var parts = own.Split('/');
        var address = IPAddress.Parse(parts[0]);
        var isIPv6 = address.GetAddressBytes().Length == 16;
        _socket.Add(new LinkAddress(link.Index, address, int.Parse(parts[1], null)) { Flags = AddressFlags.NoDuplicateDetection });
        IPAddress Own(string v4, string v6) => IPAddress.Parse(isIPv6 ? v6 : v4);
        var host = isIPv6 ? 128 : 32;
        Route[] routes =
        [
            new(Own("169.254.1.1", "fd00:169::1"), host, link.Index) { Scope = isIPv6 ? RouteScope.Universe : RouteScope.Link, Metric = 1024 },
            new(Own("0.0.0.0", "::"), 0, link.Index) { Gateway = Own("169.254.1.1", "fd00:169::1"), Metric = 5, Mtu = 1300 },
            new(Own("0.0.0.0", "::"), 0, link.Index) { Gateway = Own("10.77.0.1", "fd00:77::1"), Metric = 6, IsOnLink = true, Source = address },
            new(Own("10.3.0.0", "fd00:3::"), isIPv6 ? 32 : 16, link.Index) { Gateway = Own("10.1.0.9", "fd00:1::9"), Table = 1000, Metric = 7 },
        ];

        foreach (var route in routes)
        {
            _socket.Add(route);
        }

        Assert.Equal(routes, _socket.Routes().Where(r => !r.IsOfKernel && r.Destination.AddressFamily == address.AddressFamily).OrderBy(r => Array.IndexOf(routes, r)));
        var table = _namespace.Shell($"ip -{(isIPv6 ? 6 : 4)} route");
        Assert.Contains($"default via {routes[1].Gateway} dev one", table, StringComparison.Ordinal);
        Assert.Contains("metric 5 mtu 1300", table, StringComparison.Ordinal);
        Assert.Contains("onlink", table.Split('\n').Single(l => l.Contains("metric 6", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains("dev one", _namespace.Shell($"ip -{(isIPv6 ? 6 : 4)} route show table 1000"), StringComparison.Ordinal);
        var error = Assert.Throws<NetlinkException>(() => _socket.Add(routes[0] with { Gateway = Own("10.200.0.1", "fd00:200::1") }));
        Assert.StartsWith($"rtnetlink RTM_NEWROUTE of {routes[0].Destination}/{host} via", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RouteOfMoreThanOneHop_SaysThatItIsMore()
    {
        AddLink("one", isUp: true);
        _namespace.Shell("ip addr add 10.1.0.1/16 dev one && ip route add 10.5.0.0/16 nexthop via 10.1.0.2 nexthop via 10.1.0.3 && ip route add blackhole 10.6.0.0/16");

        var routes = _socket.Routes();

        Assert.True(routes.Single(r => r.Destination.ToString() == "10.5.0.0").HasMore);
        var blackhole = routes.Single(r => r.Destination.ToString() == "10.6.0.0");
        Assert.Equal((RouteType.Blackhole, 0, false), (blackhole.Type, blackhole.Link, blackhole.HasMore));
    }

    [Fact]
    public void Rules_AreCountedBesideTheUsualOnes()
    {
        Assert.Equal(0, _socket.CountOfOwnRules());

        _namespace.Shell("ip rule add from 10.0.0.1 table 100 && ip -6 rule add from fd00::1 table 100");

        Assert.Equal(2, _socket.CountOfOwnRules());
    }

    [Theory]
    [InlineData("169.254.1.1")]
    [InlineData("fe80::1")]
    public void PermanentNeighbours_GoInAndComeOut(string address)
    {
        var link = AddLink("one", isUp: true);
        var neighbour = new PermanentNeighbour(link.Index, IPAddress.Parse(address), MacAddress.Parse("ee:ee:ee:ee:ee:ee"));

        _socket.Add(neighbour);

        Assert.Contains($"{address} dev one lladdr ee:ee:ee:ee:ee:ee PERMANENT", _namespace.Shell("ip neigh"), StringComparison.Ordinal);
        Assert.Equal(neighbour, Assert.Single(_socket.PermanentNeighbours()));
    }

    [Fact]
    public void RedirectedFrames_ComeOutOfTheOtherInterface()
    {
        // What "outer" sends comes in through "inner", whose stack would answer; it goes out of "other" instead.
        _namespace.Shell("ip link add outer type veth peer name inner && ip link add other type veth peer name end");
        var links = _socket.Links().ToDictionary(l => l.Name);
        foreach (var link in links.Values.Where(l => !l.IsLoopback))
        {
            _socket.WithoutLinkLocalAddress(link);
            _socket.Change(link, new LinkChange { IsUp = true });
        }

        _socket.RedirectIngress(links["inner"], links["other"]);

        Assert.Contains("ingress", _namespace.Shell("tc qdisc show dev inner"), StringComparison.Ordinal);
        Assert.Contains("mirred (Egress Redirect to device other) stolen", _namespace.Shell("tc filter show dev inner ingress"), StringComparison.Ordinal);
        _namespace.Shell(
            "ip addr add 10.1.0.1/24 dev outer && ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev outer"
            + " && ! busybox ping -c 5 -i 0.01 -s 1000 -w 1 10.1.0.2 > /dev/null");
        using var counters = LinkCounterSocket.Open(_namespace.File);
        Assert.InRange(counters.Read().Single(l => l.Name == "end").ReceivedBytes, 5ul * 1042, 8000ul);
        var error = Assert.Throws<NetlinkException>(() => _socket.RedirectIngress(links["inner"], links["other"]));
        Assert.Equal(Errno.EEXIST, error.Errno);
        Assert.StartsWith("rtnetlink RTM_NEWQDISC ingress of inner: EEXIST, file exists (", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tap_IsMadeInTheNamespaceAndGoesWithItsDescriptor()
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "needs /dev/net/tun");
        using (Tap.Open(_namespace.File, "tap0", 12))
        {
            Assert.Equal("tun", _socket.Links().Single(l => l.Name == "tap0").Kind);
        }

        Assert.DoesNotContain(_socket.Links(), l => l.Name == "tap0");
    }

    private Link AddLink(string name, bool isUp = false)
    {
        _namespace.Shell($"ip link add {name} type veth peer name {name}-peer");
        if (isUp)
        {
            _namespace.Shell($"ip link set {name} up && ip link set {name}-peer up");
        }

        return _socket.Links().Single(l => l.Name == name);
    }
}
