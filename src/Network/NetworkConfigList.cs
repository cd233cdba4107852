using System.Text.Json;

namespace Crisp.Network;

/// <summary>A network: its name, the versions it is written for, and its chain of plugins. Immutable.</summary>
public sealed record NetworkConfigList
{
    /// <summary>Names the network for the plugins, which keep leases and rules under it.</summary>
    public required string Name { get; init; }

    /// <summary>Ascending, at least one, and all of them known to this client.</summary>
    public required IReadOnlyList<CniVersion> Versions { get; init; }

    /// <summary>The newest of <see cref="Versions"/>.</summary>
    public CniVersion Version => Versions[^1];

    /// <summary>CHECK must not be called.</summary>
    public bool DisableCheck { get; init; }

    /// <summary>GC must not be called: other runtimes share the network.</summary>
    public bool DisableGc { get; init; }

    /// <summary>In the order of ADD; never empty.</summary>
    public required IReadOnlyList<PluginConfig> Plugins { get; init; }

    /// <summary>Where it was read, for people: a path.</summary>
    public required string Source { get; init; }

    /// <summary>The same network, spoken to in one version alone.</summary>
    public NetworkConfigList In(CniVersion version) => this with { Versions = [version] };

    /// <summary>The form of a .conflist file, complete: plugins from elsewhere are in it.</summary>
    public JsonElement ToJson()
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("cniVersion", Version.ToString());
            if (Versions.Count > 1)
            {
                writer.WriteStartArray("cniVersions");
                foreach (var version in Versions)
                {
                    writer.WriteStringValue(version.ToString());
                }

                writer.WriteEndArray();
            }

            writer.WriteString("name", Name);
            writer.WriteBoolean("disableCheck", DisableCheck);
            writer.WriteBoolean("disableGC", DisableGc);
            writer.WriteStartArray("plugins");
            foreach (var plugin in Plugins)
            {
                plugin.Json.WriteTo(writer);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return JsonElement.Parse(buffer.ToArray());
    }
}
