using System.Net;
using System.Text.Json;

namespace Crisp.Network;

/// <summary>What ADD has made: interfaces, addresses, routes, DNS (specification, section 5). Immutable, checked.</summary>
/// <param name="Json">As the plugin printed it, with members that this client does not know.</param>
public sealed record CniResult(
    IReadOnlyList<CniInterface> Interfaces,
    IReadOnlyList<CniIp> Ips,
    IReadOnlyList<CniRoute> Routes,
    CniDns Dns,
    JsonElement Json)
{
    /// <summary>
    /// The addresses of an interface inside the pod, in the plugin's order. An address that names no interface is the pod's.
    /// </summary>
    public IReadOnlyList<IPAddress> AddressesOf(string interfaceName) =>
    [
        .. Ips.Where(ip => ip.Interface is not { } index || (Interfaces[index].Name == interfaceName && Interfaces[index].Sandbox.Length > 0))
            .Select(ip => ip.Address.Address).Distinct(),
    ];
}

/// <param name="Mac">Or empty.</param>
/// <param name="Sandbox">The path of its network namespace; empty on the node.</param>
/// <param name="Mtu">0: not said.</param>
public sealed record CniInterface(string Name, string Mac, string Sandbox, uint Mtu);

/// <param name="Interface">Index into the result's interfaces.</param>
public sealed record CniIp(CniAddress Address, IPAddress? Gateway, int? Interface);

public sealed record CniRoute(CniAddress Destination, IPAddress? Gateway);

public sealed record CniDns(IReadOnlyList<string> Nameservers, string Domain, IReadOnlyList<string> Search, IReadOnlyList<string> Options);
