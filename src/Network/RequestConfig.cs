using System.Text.Json;

namespace Crisp.Network;

/// <summary>Derives what a plugin reads from its standard input (specification, section 3, "Deriving request configuration").</summary>
internal static class RequestConfig
{
    // Made by the runtime for each request; a file that has them would put words into its mouth.
    private static readonly string[] _reserved = ["cniVersion", "name", "capabilities", "runtimeConfig", "prevResult"];

    /// <param name="previous">Null where the command or the place in the chain has none.</param>
    /// <param name="valid">GC: the attachments that are still there.</param>
    public static byte[] Write(
        NetworkConfigList network,
        PluginConfig plugin,
        CapabilityArguments? capabilities,
        JsonElement? previous,
        IReadOnlyCollection<(string ContainerId, string InterfaceName)>? valid = null)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("cniVersion", network.Version.ToString());
            writer.WriteString("name", network.Name);
            foreach (var member in plugin.Json.EnumerateObject().Where(m => !IsReserved(m.Name)))
            {
                member.WriteTo(writer);
            }

            WriteCapabilities(writer, plugin, capabilities);
            if (previous is { } result)
            {
                writer.WritePropertyName("prevResult");
                result.WriteTo(writer);
            }

            if (valid is not null)
            {
                WriteAttachments(writer, valid);
            }

            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static bool IsReserved(string name) => _reserved.Contains(name) || name.StartsWith("cni.dev/", StringComparison.Ordinal);

    private static void WriteCapabilities(Utf8JsonWriter writer, PluginConfig plugin, CapabilityArguments? capabilities)
    {
        var wanted = capabilities?.ToJson().EnumerateObject().Where(c => plugin.Capabilities.Contains(c.Name)).ToList() ?? [];
        if (wanted.Count == 0)
        {
            return;
        }

        writer.WriteStartObject("runtimeConfig");
        foreach (var capability in wanted)
        {
            capability.WriteTo(writer);
        }

        writer.WriteEndObject();
    }

    // The specification's name, and the one that libcni sent before and that plugins still read (containernetworking/cni#1101).
    private static void WriteAttachments(Utf8JsonWriter writer, IReadOnlyCollection<(string ContainerId, string InterfaceName)> valid)
    {
        foreach (var key in (string[])["cni.dev/valid-attachments", "cni.dev/attachments"])
        {
            writer.WriteStartArray(key);
            foreach (var (containerId, interfaceName) in valid)
            {
                writer.WriteStartObject();
                writer.WriteString("containerID", containerId);
                writer.WriteString("ifname", interfaceName);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }
    }
}
