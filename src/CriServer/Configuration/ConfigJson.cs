using System.Text.Json.Serialization;

namespace Crisp.CriServer.Configuration;

/// <summary>The configuration as the verbose Status shows it.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(CrispConfig))]
internal sealed partial class ConfigJson : JsonSerializerContext;
