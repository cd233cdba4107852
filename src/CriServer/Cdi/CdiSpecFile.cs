using System.Text.Json;
using System.Text.Json.Nodes;
using Crisp.Linux;
using static Crisp.CriServer.Cdi.CdiException;

namespace Crisp.CriServer.Cdi;

/// <summary>Reads one file of a device's vendor, and checks everything in it: a daemon of root's is going to act on it.</summary>
internal static class CdiSpecFile
{
    private const int Largest = 8 << 20;
    private static readonly JsonDocumentOptions s_strict = new() { MaxDepth = 32 };

    /// <exception cref="CdiException">It cannot be used; the message names the file.</exception>
    public static CdiSpec Read(string path)
    {
        try
        {
            // Non-blocking: whoever put a FIFO there must not stop the creation of containers.
            using var file = Files.Open(path, OpenFlags.ReadOnly | OpenFlags.NonBlocking);
            var status = Files.Status(file);
            if (status.Type != FileType.Regular)
            {
                throw new CdiException($"it is no regular file but a {status.Type} file");
            }

            var text = Files.ReadToEnd(file, Largest + 1);
            return text.Length <= Largest
                ? Parse(text, path.EndsWith(".json", StringComparison.Ordinal))
                : throw new CdiException($"it has more than {Largest >> 20} MiB");
        }
        catch (Exception e) when (e is CdiException or LinuxException)
        {
            throw new CdiException($"The CDI specification {path} cannot be used: {e.Message.TrimEnd('.')}.", e);
        }
    }

    /// <param name="text">UTF-8.</param>
    /// <exception cref="CdiException">Without the file's name.</exception>
    internal static CdiSpec Parse(ReadOnlyMemory<byte> text, bool isJson)
    {
        try
        {
            var spec = (isJson ? Json(text) : CdiYaml.ToJson(text)).Deserialize(CdiJson.Default.CdiSpec) ?? throw new CdiException("it is empty");
            Check(spec);
            return spec;
        }
        catch (JsonException e)
        {
            throw new CdiException(e.Path is null or "" or "$" ? e.Message : $"{e.Path} is wrong: {e.Message}", e);
        }
    }

    /// <summary>A word without a value is as good as none.</summary>
    internal static JsonNode? WithoutNulls(JsonNode? node)
    {
        if (node is JsonObject map)
        {
            foreach (var (name, value) in map.ToList())
            {
                if (WithoutNulls(value) is null)
                {
                    map.Remove(name);
                }
            }
        }
        else if (node is JsonArray list)
        {
            foreach (var value in list)
            {
                WithoutNulls(value);
            }
        }

        return node;
    }

    private static JsonNode? Json(ReadOnlyMemory<byte> text)
    {
        try
        {
            return WithoutNulls(JsonNode.Parse(text.Span, documentOptions: s_strict));
        }
        catch (ArgumentException)
        {
            // An object is a dictionary once it is looked into.
            throw new CdiException("it has a word twice in one object");
        }
    }

    private static void Check(CdiSpec spec)
    {
        Require(CdiNames.IsKind(spec.Kind), $"kind is \"{spec.Kind}\", which is not vendor.example/class");
        Require(spec.Devices.Count > 0, "it has no devices");
        CdiEditsCheck.Check(spec.ContainerEdits, "containerEdits");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var device in spec.Devices)
        {
            Require(device is not null, "devices has a null");
            Require(CdiNames.IsDevice(device.Name), $"a device has the name \"{device.Name}\", which is not of letters, digits and _ . : -");
            Require(names.Add(device.Name), $"it has the device {device.Name} twice");
            Require(!device.ContainerEdits.IsEmpty, $"the device {device.Name} has no containerEdits, so that nothing of it would be in a container");
            CdiEditsCheck.Check(device.ContainerEdits, $"the device {device.Name}");
        }

        CdiVersions.Check(spec);
    }
}
