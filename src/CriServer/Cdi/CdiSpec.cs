using System.Text.Json.Serialization;

namespace Crisp.CriServer.Cdi;

/// <summary>A file of the Container Device Interface, version 1.1, in that specification's words.</summary>
/// <remarks>The generated reader gives null for a property with init that the file does not have, whatever its initial value is.</remarks>
internal sealed record CdiSpec
{
    public string CdiVersion { get; init => field = value ?? ""; } = "";

    /// <summary>vendor.example/class: the first part of its devices' names.</summary>
    public string Kind { get; init => field = value ?? ""; } = "";

    public IReadOnlyDictionary<string, string> Annotations { get; init => field = value ?? new Dictionary<string, string>(); } = new Dictionary<string, string>();

    public IReadOnlyList<CdiDevice> Devices { get; init => field = value ?? []; } = [];

    /// <summary>For every container that gets one of the devices, once.</summary>
    public CdiEdits ContainerEdits { get; init => field = value ?? new(); } = new();
}

/// <summary>One device: vendor.example/class=name.</summary>
internal sealed record CdiDevice
{
    public string Name { get; init => field = value ?? ""; } = "";

    public IReadOnlyDictionary<string, string> Annotations { get; init => field = value ?? new Dictionary<string, string>(); } = new Dictionary<string, string>();

    public CdiEdits ContainerEdits { get; init => field = value ?? new(); } = new();
}

/// <summary>A word that the specification does not know is an error, as it is for its own library.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true,
    Converters = [typeof(CdiWord)])]
[JsonSerializable(typeof(CdiSpec))]
internal sealed partial class CdiJson : JsonSerializerContext;
