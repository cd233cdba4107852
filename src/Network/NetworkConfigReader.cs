using System.Text.Json;

namespace Crisp.Network;

/// <summary>Reads the three forms of a network's file: a list of plugins (.conflist), and one plugin alone (.conf, .json).</summary>
public static class NetworkConfigReader
{
    private static readonly JsonDocumentOptions _options = new() { CommentHandling = JsonCommentHandling.Disallow, MaxDepth = 64 };

    /// <param name="source">The file's path, for people.</param>
    /// <param name="furtherPlugins">
    /// Gives the plugins that lie beside the file in a directory of the network's name; asked unless the file forbids it.
    /// </param>
    /// <exception cref="CniException">A sentence that names the file and what is wrong.</exception>
    public static NetworkConfigList Read(
        ReadOnlyMemory<byte> bytes, string source, Func<string, IReadOnlyList<PluginConfig>>? furtherPlugins = null)
    {
        try
        {
            var root = Parse(bytes);
            // A single plugin's file is a list of one (specification 0.4.0, "Network Configuration Lists").
            var isList = root.TryGetProperty("plugins", out _) || !root.TryGetProperty("type", out _);
            var name = ReadName(root);
            var plugins = isList ? ReadPlugins(root) : [PluginConfig.Read(root)];
            if (isList && !ReadFlag(root, "loadOnlyInlinedPlugins"))
            {
                plugins.AddRange(furtherPlugins?.Invoke(name) ?? []);
            }

            return new NetworkConfigList
            {
                Name = name,
                Versions = ReadVersions(root),
                DisableCheck = ReadFlag(root, "disableCheck"),
                DisableGc = ReadFlag(root, "disableGC"),
                Plugins = plugins.Count > 0 ? plugins : throw new CniException("it has no plugins"),
                Source = source,
            };
        }
        catch (Exception e) when (e is CniException or JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a text with half of a surrogate pair, which JSON can write and UTF-16 cannot hold.
            throw new CniException($"The network configuration {source} cannot be used: {PrintableText.From(e.Message)}", e);
        }
    }

    /// <summary>One plugin's file from the directory beside a list.</summary>
    public static PluginConfig ReadPlugin(ReadOnlyMemory<byte> bytes) => PluginConfig.Read(Parse(bytes));

    private static JsonElement Parse(ReadOnlyMemory<byte> bytes)
    {
        var text = bytes.Span.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
        using var document = JsonDocument.Parse(text, _options);
        JsonText.Check(document.RootElement);
        return document.RootElement.ValueKind == JsonValueKind.Object
            ? document.RootElement.Clone()
            : throw new CniException($"it is {Words.For(document.RootElement.ValueKind)}, not an object");
    }

    private static string ReadName(JsonElement root)
    {
        if (!root.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
        {
            throw new CniException("it has no \"name\", under which plugins keep leases and rules");
        }

        return CniName.IsIdentifier(name.GetString())
            ? name.GetString()!
            : throw new CniException(
                $"the name \"{name.GetString()}\" must begin with a letter or digit, and have only letters, digits, \"_\", \".\" and \"-\"");
    }

    private static List<CniVersion> ReadVersions(JsonElement root)
    {
        var texts = new List<string>();
        if (root.TryGetProperty("cniVersion", out var one))
        {
            texts.Add(Text(one, "cniVersion"));
        }

        if (root.TryGetProperty("cniVersions", out var several))
        {
            texts.AddRange(several.ValueKind == JsonValueKind.Array
                ? several.EnumerateArray().Select(v => Text(v, "cniVersions"))
                : throw new CniException("\"cniVersions\" must be a list of texts"));
        }

        var known = texts.Select(t => CniVersion.TryParse(t, out var version) ? version : default).Where(CniVersion.Known.Contains).Distinct();
        return known.Order().ToList() is { Count: > 0 } versions
            ? versions
            : throw new CniException(
                (texts.Count == 0 ? "it has no \"cniVersion\"" : $"its version {string.Join(", ", texts)} is not known")
                + $"; crisp speaks {string.Join(", ", CniVersion.Known)}");
    }

    private static List<PluginConfig> ReadPlugins(JsonElement root)
    {
        if (!root.TryGetProperty("plugins", out var plugins))
        {
            return [];
        }

        return plugins.ValueKind == JsonValueKind.Array
            ? [.. plugins.EnumerateArray().Select(PluginConfig.Read)]
            : throw new CniException("\"plugins\" must be a list");
    }

    // Texts are taken too, since libcni takes them and files in the field have them.
    private static bool ReadFlag(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out var value))
        {
            return false;
        }

        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.String when string.Equals(value.GetString(), "true", StringComparison.OrdinalIgnoreCase) => true,
            JsonValueKind.String when string.Equals(value.GetString(), "false", StringComparison.OrdinalIgnoreCase) => false,
            _ => throw new CniException($"\"{name}\" must be true or false"),
        };
    }

    private static string Text(JsonElement value, string name)
        => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new CniException($"\"{name}\" must be text, not {Words.For(value.ValueKind)}");
}
