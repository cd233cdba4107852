using Crisp.Linux;

namespace Crisp.Sandbox.Vm.Network;

/// <summary>Reads what CNI made in the pod's network namespace.</summary>
internal static class GuestNetworkReader
{
    /// <summary>Made from router advertisements (RTPROT_RA): the guest hears them itself.</summary>
    private const byte RouterAdvertisement = 9;

    /// <param name="links">Those that the guest gets.</param>
    /// <exception cref="VmNetworkException">There is something that a guest cannot be given.</exception>
    internal static GuestNetwork Read(RouteSocket socket, IReadOnlyList<Link> links)
    {
        var indices = links.Select(l => l.Index).ToHashSet();
        if (socket.CountOfOwnRules() is > 0 and var rules)
        {
            throw new VmNetworkException($"The pod's network has {rules} rules of policy routing (ip rule), which a virtual machine does not take over.");
        }

        return new GuestNetwork
        {
            Interfaces = [.. links.Select(l => new GuestInterface(l.Index, l.Name, l.Mac!.Value, l.Mtu))],
            Addresses = [.. socket.Addresses().Where(a => indices.Contains(a.Link)).Select(ForGuest).OfType<LinkAddress>()],
            Routes =
            [
                .. socket.Routes()
                    .Where(r => r.Table == Route.MainTable && !r.IsOfKernel && r.Protocol != RouterAdvertisement && (r.Link == 0 || indices.Contains(r.Link)))
                    .Select(Checked)
                    .OrderBy(r => r.Gateway is not null),
            ],
            Neighbours = [.. socket.PermanentNeighbours().Where(n => indices.Contains(n.Link))],
        };
    }

    /// <returns>Null for addresses that expire: the guest gets its own from whoever gave them.</returns>
    private static LinkAddress? ForGuest(LinkAddress address)
    {
        if (!address.Flags.HasFlag(AddressFlags.Permanent))
        {
            return null;
        }

        if (address.Flags.HasFlag(AddressFlags.DuplicateFound))
        {
            throw new VmNetworkException($"The pod's address {address.Address} is somebody else's on its network (IPv6 duplicate address detection).");
        }

        // Nobody else has it: that was found out in the namespace, so that the guest need not wait for it once more.
        return address with { Flags = (address.Flags & AddressFlags.NoPrefixRoute) | AddressFlags.NoDuplicateDetection };
    }

    private static Route Checked(Route route) => !route.HasMore ? route
        : throw new VmNetworkException(
            $"The route {route} of the pod's network has several next hops, a gateway of the other family or an encapsulation, which a virtual machine does not take over.");
}
