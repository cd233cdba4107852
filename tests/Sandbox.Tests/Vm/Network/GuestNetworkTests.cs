using System.Text.Json;
using Crisp.Linux;
using Crisp.Network.Tests.RealPlugins;
using Crisp.Sandbox.Vm.Network;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Network;

/// <summary>From the pod's namespace to the guest's: what other networks than the reference bridge make.</summary>
public sealed class GuestNetworkTests
{
    private const string Eth0 = "ip link add eth0 address 02:00:00:00:00:07 type veth peer name peer && ip link set eth0 up && ip link set peer up";

    [Fact]
    public void WhatIsRead_ComesOutOfItsJsonAndIntoTheGuest()
    {
        using var pod = Namespace(
            Eth0,
            "ip addr add 10.1.2.3/32 dev eth0 && ip addr add fd00:1::3/128 dev eth0 nodad",
            "ip route add 169.254.1.1 dev eth0 scope link && ip route add default via 169.254.1.1 dev eth0 mtu 1440",
            "ip route add 10.8.0.0/16 via 10.77.0.1 dev eth0 onlink metric 9 && ip route add unreachable 10.9.0.0/16",
            "ip neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0",
            "ip -6 route add fd00:169::1 dev eth0 && ip -6 route add default via fd00:169::1 dev eth0");
        var json = Read(pod).ToJson();

        using var guest = Namespace("ip link add other type veth peer name ens3 && ip link set ens3 address 02:00:00:00:00:07 && ip link set other up");
        Apply(guest, GuestNetwork.Parse(json));

        Assert.Contains("link/ether 02:00:00:00:00:07", guest.Shell("ip link show eth0"), StringComparison.Ordinal);
        Assert.Equal(Routes(pod, 4), Routes(guest, 4));
        Assert.Equal(Routes(pod, 6), Routes(guest, 6));
        Assert.Contains("169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee PERMANENT", guest.Shell("ip neigh"), StringComparison.Ordinal);
        Assert.DoesNotContain("tentative", guest.Shell("ip -6 addr show dev eth0"), StringComparison.Ordinal);
    }

    [Fact]
    public void SeveralInterfaces_GetTheirNamesThoughTheyAreSwapped()
    {
        const string Two = "ip link add one type veth peer name two && ip link set one address 02:00:00:00:00:0a && ip link set two address 02:00:00:00:00:0b";
        using var pod = Namespace(Two, "ip link set one name eth0 && ip link set two name net1 && ip link set eth0 up && ip link set net1 up && ip addr add 10.5.0.1/24 dev net1");
        using var guest = Namespace(Two, "ip link set one name net1 && ip link set two name eth0");

        Apply(guest, Read(pod));

        Assert.Contains("02:00:00:00:00:0a", guest.Shell("ip -o link show eth0"), StringComparison.Ordinal);
        Assert.Contains("02:00:00:00:00:0b", guest.Shell("ip -o link show net1"), StringComparison.Ordinal);
        Assert.Contains("10.5.0.1/24", guest.Shell("ip addr show net1"), StringComparison.Ordinal);
    }

    [Fact]
    public void AddressesThatExpire_AreTheGuestsToGet()
    {
        using var pod = Namespace(Eth0, "ip addr add fd00:1::9/64 dev eth0 nodad valid_lft 1000 preferred_lft 900 && ip route add 10.9.0.0/16 dev eth0 proto ra");

        var network = Read(pod);

        Assert.DoesNotContain(network.Addresses, a => a.Address.ToString() == "fd00:1::9");
        Assert.Empty(network.Routes);
    }

    [Theory]
    [InlineData("ip rule add from 10.0.0.1 table 7", "has 1 rules of policy routing")]
    [InlineData("ip addr add 10.1.0.1/16 dev eth0 && ip route add 10.5.0.0/16 nexthop via 10.1.0.2 nexthop via 10.1.0.3", "The route 10.5.0.0/16 of the pod's network has several next hops")]
    public void WhatNoGuestCanHave_IsRefused(string command, string sentence)
    {
        using var pod = Namespace(Eth0, command);

        Assert.Contains(sentence, Assert.Throws<VmNetworkException>(() => Read(pod)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void InterfaceThatIsNoEthernet_IsRefused()
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "needs /dev/net/tun");
        using var pod = Namespace("ip tuntap add tun0 mode tun && ip link set tun0 up");
        using var ns = Files.Open(pod.Path, OpenFlags.ReadOnly);

        var error = Assert.Throws<VmNetworkException>(() => VmNetwork.Create(ns));

        Assert.StartsWith("The pod's interface tun0 is no Ethernet interface", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MachineWithoutTheInterface_SaysWhichOne()
    {
        using var pod = Namespace(Eth0);
        var network = Read(pod);
        using var guest = Namespace("true");

        var error = Assert.Throws<VmNetworkException>(() => Apply(guest, network));

        Assert.Equal("The virtual machine has no interface with the Ethernet address 02:00:00:00:00:07, which is to be eth0.", error.Message);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"interfaces":[{"index":1,"name":"eth0","mac":"02:00","mtu":1500}]}""")]
    [InlineData("""{"addresses":[{"link":1,"address":"10.1.0.x","prefixLength":8}]}""")]
    [InlineData("""{"addresses":[{"link":1,"prefixLength":8,"scope":0,"flags":0}]}""")]
    [InlineData("""{"interfaces":[{"index":1,"name":null,"mac":"02:00:00:00:00:07","mtu":1500}]}""")]
    [InlineData("""{"gateway":"10.0.0.1"}""")]
    public void WhatIsNoNetwork_IsRefused(string json) => Assert.Throws<JsonException>(() => GuestNetwork.Parse(System.Text.Encoding.UTF8.GetBytes(json)));

    private static NetNamespace Namespace(params string[] commands)
    {
        Assert.SkipUnless(Linux.Processes.EffectiveUid == 0, "needs root");
        var made = new NetNamespace();
        foreach (var command in commands)
        {
            made.Shell(command);
        }

        return made;
    }

    private static GuestNetwork Read(NetNamespace pod)
    {
        using var ns = Files.Open(pod.Path, OpenFlags.ReadOnly);
        using var socket = RouteSocket.Open(ns);
        return GuestNetworkReader.Read(socket, [.. socket.Links().Where(l => l is { IsLoopback: false, Name: not "peer" })]);
    }

    private static void Apply(NetNamespace guest, GuestNetwork network)
    {
        using var ns = Files.Open(guest.Path, OpenFlags.ReadOnly);
        using var socket = RouteSocket.Open(ns);
        GuestNetworkSetup.Apply(network, socket);
    }

    private static List<string> Routes(NetNamespace ns, int family) =>
    [
        .. ns.Shell($"ip -{family} route show dev eth0; ip route show type unreachable").Split('\n').Select(l => l.Replace("linkdown", "", StringComparison.Ordinal).TrimEnd()).Order(StringComparer.Ordinal),
    ];
}
