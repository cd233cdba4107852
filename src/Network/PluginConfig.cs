using System.Text.Json;

namespace Crisp.Network;

/// <summary>One plugin of a network: its program, and its configuration as it stands in the file.</summary>
public sealed record PluginConfig
{
    private PluginConfig(string type, IReadOnlySet<string> capabilities, JsonElement json)
    {
        Type = type;
        Capabilities = capabilities;
        Json = json;
    }

    /// <summary>The name of the program in one of the plugin directories.</summary>
    public string Type { get; }

    /// <summary>The capability arguments that the plugin wants to be told, such as portMappings.</summary>
    public IReadOnlySet<string> Capabilities { get; }

    /// <summary>The whole object; what this client does not know goes to the plugin unchanged.</summary>
    public JsonElement Json { get; }

    /// <param name="json">Of a document that lives on: this keeps it.</param>
    /// <exception cref="CniException">A sentence without its place, which the caller knows.</exception>
    public static PluginConfig Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new CniException($"a plugin must be an object, not {Words.For(json.ValueKind)}");
        }

        var type = json.TryGetProperty("type", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        if (!CniName.IsPluginType(type))
        {
            throw new CniException(
                type is null
                    ? "a plugin has no \"type\", which names its program"
                    : $"the plugin type \"{PrintableText.From(type)}\" is no name of a program: it must be one name without slashes");
        }

        return new PluginConfig(type, ReadCapabilities(json), json);
    }

    private static HashSet<string> ReadCapabilities(JsonElement json)
    {
        if (!json.TryGetProperty("capabilities", out var capabilities) || capabilities.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        if (capabilities.ValueKind != JsonValueKind.Object)
        {
            throw new CniException("\"capabilities\" of a plugin must be an object such as {\"portMappings\": true}");
        }

        return [.. capabilities.EnumerateObject().Where(c => c.Value.ValueKind == JsonValueKind.True).Select(c => c.Name)];
    }
}
