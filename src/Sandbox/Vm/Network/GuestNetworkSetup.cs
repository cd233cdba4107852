using System.Globalization;
using Crisp.Linux;

namespace Crisp.Sandbox.Vm.Network;

/// <summary>Gives the guest's interfaces what CNI gave to those of the pod's network namespace. Called once, by PID 1.</summary>
internal static class GuestNetworkSetup
{
    /// <param name="socket">Of the guest's network namespace.</param>
    /// <exception cref="VmNetworkException">The machine lacks an interface.</exception>
    /// <exception cref="NetlinkException">The guest's kernel refuses something.</exception>
    internal static void Apply(GuestNetwork network, RouteSocket socket)
    {
        var present = socket.Links();
        socket.Change(present.Single(l => l.IsLoopback), new LinkChange { IsUp = true });
        var own = network.Interfaces.ToDictionary(i => i.Index, i => Find(present, i));
        Rename(network, socket, own);
        foreach (var one in network.Interfaces)
        {
            // Those that CNI's interface has are among the addresses.
            socket.WithoutLinkLocalAddress(own[one.Index]);
            socket.Change(own[one.Index], new LinkChange { Mtu = one.Mtu, IsUp = true });
        }

        foreach (var address in network.Addresses)
        {
            socket.Add(address with { Link = own[address.Link].Index });
        }

        foreach (var neighbour in network.Neighbours)
        {
            socket.Add(neighbour with { Link = own[neighbour.Link].Index });
        }

        foreach (var route in network.Routes)
        {
            socket.Add(route with { Link = route.Link == 0 ? 0 : own[route.Link].Index });
        }
    }

    private static Link Find(IReadOnlyList<Link> present, GuestInterface wanted)
        => present.FirstOrDefault(l => l.Mac == wanted.Mac)
            ?? throw new VmNetworkException($"The virtual machine has no interface with the Ethernet address {wanted.Mac}, which is to be {wanted.Name}.");

    /// <summary>In two steps, since one may have the name that another is to get.</summary>
    private static void Rename(GuestNetwork network, RouteSocket socket, Dictionary<int, Link> own)
    {
        var wrong = network.Interfaces.Where(i => own[i.Index].Name != i.Name).ToList();
        foreach (var one in wrong)
        {
            socket.Change(own[one.Index], new LinkChange { Name = string.Create(CultureInfo.InvariantCulture, $"crisp-name{one.Index}") });
        }

        foreach (var one in wrong)
        {
            socket.Change(own[one.Index], new LinkChange { Name = one.Name });
        }
    }
}
