using System.Text.Json.Serialization;

namespace Crisp.Network;

/// <summary>Source-generated JSON of what this client itself writes.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(CniCacheEntry))]
[JsonSerializable(typeof(CapabilityArguments))]
[JsonSerializable(typeof(System.Text.Json.JsonElement))]
internal sealed partial class CniJson : JsonSerializerContext;
