using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
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

    internal byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, GuestNetworkJson.Default.GuestNetwork);

    /// <exception cref="JsonException">It is no such thing.</exception>
    internal static GuestNetwork Parse(ReadOnlySpan<byte> json)
        => JsonSerializer.Deserialize(json, GuestNetworkJson.Default.GuestNetwork) ?? throw new JsonException("The guest's network is null.");
}

/// <param name="Mtu">Bytes.</param>
internal sealed record GuestInterface(int Index, string Name, MacAddress Mac, int Mtu);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    IgnoreReadOnlyProperties = true,
    UseStringEnumConverter = true,
    Converters = [typeof(IPAddressConverter), typeof(MacAddressConverter)])]
[JsonSerializable(typeof(GuestNetwork))]
internal sealed partial class GuestNetworkJson : JsonSerializerContext;

internal sealed class IPAddressConverter : JsonConverter<IPAddress>
{
    public override IPAddress Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => IPAddress.TryParse(reader.GetString(), out var address) ? address : throw new JsonException("There is something that is no IP address.");

    public override void Write(Utf8JsonWriter writer, IPAddress value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}

internal sealed class MacAddressConverter : JsonConverter<MacAddress>
{
    public override MacAddress Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        try
        {
            return MacAddress.Parse(reader.GetString() ?? "");
        }
        catch (FormatException e)
        {
            throw new JsonException(e.Message, e);
        }
    }

    public override void Write(Utf8JsonWriter writer, MacAddress value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
