using System.Text.Json;
using Crisp.Linux;

namespace Crisp.Sandbox.Vm.Network;

/// <summary>
/// The network that CNI made in the pod's network namespace, for the guest to have instead. Interfaces are named by the indices
/// that they have in that namespace; the guest finds its own by their Ethernet addresses.
/// </summary>
internal sealed record GuestNetwork
{
    public IReadOnlyList<GuestInterface> Interfaces { get; init; } = [];

    public IReadOnlyList<LinkAddress> Addresses { get; init; } = [];

    /// <summary>Of the main table, in an order in which each can be added: gateways come after the routes that lead to them.</summary>
    public IReadOnlyList<Route> Routes { get; init; } = [];

    public IReadOnlyList<PermanentNeighbour> Neighbours { get; init; } = [];

    internal byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(JsonNetwork.From(this), GuestNetworkJson.Default.JsonNetwork);

    /// <exception cref="JsonException">It is no such thing.</exception>
    internal static GuestNetwork Parse(ReadOnlySpan<byte> json)
    {
        var network = JsonSerializer.Deserialize(json, GuestNetworkJson.Default.JsonNetwork) ?? throw new JsonException("The guest's network is null.");
        try
        {
            return network.ToNetwork();
        }
        catch (FormatException e)
        {
            throw new JsonException($"The guest's network is damaged: {e.Message}", e);
        }
    }
}

/// <param name="Mtu">Bytes.</param>
internal sealed record GuestInterface(int Index, string Name, MacAddress Mac, int Mtu);
