using System.Net;
using System.Text.Json.Serialization;
using Crisp.Linux;

namespace Crisp.Sandbox.Vm.Network;

/// <summary>
/// <see cref="GuestNetwork"/> as it goes to the guest: addresses as people write them, everything else as the kernel's numbers.
/// Each type that the serializer knows is code in every pod's process, which is why these are made of text and whole numbers.
/// </summary>
internal sealed record JsonNetwork
{
    public List<JsonInterface> Interfaces { get; init; } = [];

    public List<JsonAddress> Addresses { get; init; } = [];

    public List<JsonRoute> Routes { get; init; } = [];

    public List<JsonNeighbour> Neighbours { get; init; } = [];

    internal static JsonNetwork From(GuestNetwork network) => new()
    {
        Interfaces = [.. network.Interfaces.Select(JsonInterface.From)],
        Addresses = [.. network.Addresses.Select(JsonAddress.From)],
        Routes = [.. network.Routes.Select(JsonRoute.From)],
        Neighbours = [.. network.Neighbours.Select(JsonNeighbour.From)],
    };

    /// <exception cref="FormatException">An address is none.</exception>
    internal GuestNetwork ToNetwork() => new()
    {
        Interfaces = [.. Interfaces.Select(i => i.ToInterface())],
        Addresses = [.. Addresses.Select(a => a.ToAddress())],
        Routes = [.. Routes.Select(r => r.ToRoute())],
        Neighbours = [.. Neighbours.Select(n => n.ToNeighbour())],
    };

    internal static IPAddress? Optional(string? address) => address is null ? null : IPAddress.Parse(address);
}

internal sealed record JsonInterface(int Index, string Name, string Mac, int Mtu)
{
    internal static JsonInterface From(GuestInterface i) => new(i.Index, i.Name, i.Mac.ToString(), i.Mtu);

    internal GuestInterface ToInterface() => new(Index, Name, MacAddress.Parse(Mac), Mtu);
}

internal sealed record JsonAddress(
    int Link, string Address, int PrefixLength, uint Scope, uint Flags, string? Peer = null, string? Broadcast = null)
{
    internal static JsonAddress From(LinkAddress a)
        => new(a.Link, a.Address.ToString(), a.PrefixLength, (uint)a.Scope, (uint)a.Flags, a.Peer?.ToString(), a.Broadcast?.ToString());

    internal LinkAddress ToAddress() => new(Link, IPAddress.Parse(Address), PrefixLength)
    {
        Peer = JsonNetwork.Optional(Peer),
        Broadcast = JsonNetwork.Optional(Broadcast),
        Scope = (RouteScope)Scope,
        Flags = (AddressFlags)Flags,
    };
}

internal sealed record JsonRoute(
    string Destination, int PrefixLength, int Link, uint Table, uint Type, uint Scope, uint Protocol, uint Metric, bool IsOnLink, uint Mtu,
    string? Gateway = null, string? Source = null)
{
    internal static JsonRoute From(Route r)
        => new(r.Destination.ToString(), r.PrefixLength, r.Link, r.Table, (uint)r.Type, (uint)r.Scope, r.Protocol, r.Metric,
            r.IsOnLink, r.Mtu, r.Gateway?.ToString(), r.Source?.ToString());

    internal Route ToRoute() => new(IPAddress.Parse(Destination), PrefixLength, Link)
    {
        Table = Table,
        Type = (RouteType)Type,
        Gateway = JsonNetwork.Optional(Gateway),
        Source = JsonNetwork.Optional(Source),
        Scope = (RouteScope)Scope,
        Protocol = (byte)Protocol,
        Metric = Metric,
        IsOnLink = IsOnLink,
        Mtu = Mtu,
    };
}

internal sealed record JsonNeighbour(int Link, string Address, string Mac)
{
    internal static JsonNeighbour From(PermanentNeighbour n) => new(n.Link, n.Address.ToString(), n.Mac.ToString());

    internal PermanentNeighbour ToNeighbour() => new(Link, IPAddress.Parse(Address), MacAddress.Parse(Mac));
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(JsonNetwork))]
internal sealed partial class GuestNetworkJson : JsonSerializerContext;
