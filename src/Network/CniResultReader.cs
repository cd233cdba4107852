using System.Net;
using System.Text.Json;

namespace Crisp.Network;

/// <summary>Reads what a plugin printed after ADD. Nothing in it is believed that was not checked.</summary>
internal static class CniResultReader
{
    private static readonly JsonDocumentOptions _options = new() { AllowDuplicateProperties = false };

    /// <param name="version">The version the plugin was spoken to in; one that says no version answers in that one.</param>
    /// <exception cref="CniException">A sentence without its subject: "printed …".</exception>
    public static CniResult Read(ReadOnlyMemory<byte> output, CniVersion version)
    {
        try
        {
            using var document = JsonDocument.Parse(output, _options);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw new CniException($"printed {Words.For(root.ValueKind)} instead of a result");
            }

            JsonText.Check(root);
            CheckVersion(root, version);
            var interfaces = Items(root, "interfaces", ReadInterface);
            return new CniResult(
                interfaces, Items(root, "ips", (ip, at) => ReadIp(ip, at, interfaces.Count)), Items(root, "routes", ReadRoute), ReadDns(root), root.Clone());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CniException($"printed {Described(output.Span)} instead of a result ({PrintableText.From(e.Message, 200)})", e);
        }
    }

    private static string Described(ReadOnlySpan<byte> output)
        => output.IsEmpty ? "nothing" : $"\"{PrintableText.From(output, 200)}\"";

    // A newer or older form of a known version reads alike; 0.2.0 and before had other members, and would seem empty.
    private static void CheckVersion(JsonElement root, CniVersion version)
    {
        var text = Text(root, "cniVersion", "the result");
        if (text.Length > 0 && (!CniVersion.TryParse(text, out var answered) || !CniVersion.Known.Contains(answered)))
        {
            throw new CniException($"answered in version \"{PrintableText.From(text, 50)}\" though it was asked in {version}");
        }
    }

    private static CniInterface ReadInterface(JsonElement item, string at) => new(
        Text(item, "name", at) is { Length: > 0 } name ? name : throw Wrong(at, "has no name"),
        Text(item, "mac", at), Text(item, "sandbox", at), Mtu(item, at));

    private static CniIp ReadIp(JsonElement item, string at, int interfaces)
    {
        var text = Text(item, "address", at);
        if (!CniAddress.TryParse(text, out var address))
        {
            throw Wrong(at, $"has the address \"{PrintableText.From(text, 100)}\", which is not of the form 10.1.0.5/16");
        }

        if (address.Address.Equals(IPAddress.Any) || address.Address.Equals(IPAddress.IPv6Any) || IsMulticast(address.Address))
        {
            throw Wrong(at, $"has the address {address}, which no pod can have");
        }

        return new CniIp(address, Gateway(item, "gateway", at), InterfaceIndex(item, at, interfaces));
    }

    private static CniRoute ReadRoute(JsonElement item, string at)
    {
        var text = Text(item, "dst", at);
        return CniAddress.TryParse(text, out var destination)
            ? new CniRoute(destination, Gateway(item, "gw", at))
            : throw Wrong(at, $"has the destination \"{PrintableText.From(text, 100)}\", which is not of the form 10.1.0.0/16");
    }

    private static CniDns ReadDns(JsonElement root)
    {
        if (!root.TryGetProperty("dns", out var dns) || dns.ValueKind == JsonValueKind.Null)
        {
            return new CniDns([], "", [], []);
        }

        Expect(dns, JsonValueKind.Object, "dns");
        return new CniDns(Texts(dns, "nameservers"), Text(dns, "domain", "dns"), Texts(dns, "search"), Texts(dns, "options"));
    }

    private static List<string> Texts(JsonElement dns, string name)
        => Items(dns, name, (item, at) => item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong(at, "must be text"), JsonValueKind.String);

    private static int? InterfaceIndex(JsonElement item, string at, int count)
    {
        if (!item.TryGetProperty("interface", out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var index) && index >= 0 && index < count
            ? index
            : throw Wrong(at, $"names the interface {PrintableText.From(value.GetRawText(), 30)}, but there are {count}");
    }

    private static IPAddress? Gateway(JsonElement item, string name, string at)
    {
        var text = Text(item, name, at);
        if (text.Length == 0)
        {
            return null;
        }

        return CniAddress.TryParseAddress(text, out var gateway)
            ? gateway
            : throw Wrong(at, $"has the {name} \"{PrintableText.From(text, 100)}\", which is no address");
    }

    private static uint Mtu(JsonElement item, string at)
    {
        if (!item.TryGetProperty("mtu", out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return 0;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetUInt32(out var mtu)
            ? mtu
            : throw Wrong(at, $"has the mtu {PrintableText.From(value.GetRawText(), 30)}");
    }

    private static List<T> Items<T>(
        JsonElement parent, string name, Func<JsonElement, string, T> read, JsonValueKind kind = JsonValueKind.Object)
    {
        if (!parent.TryGetProperty(name, out var list) || list.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        Expect(list, JsonValueKind.Array, name);
        var items = new List<T>();
        foreach (var (index, item) in list.EnumerateArray().Index())
        {
            var at = $"{name}[{index}]";
            Expect(item, kind, at);
            items.Add(read(item, at));
        }

        return items;
    }

    private static string Text(JsonElement parent, string name, string at)
    {
        if (!parent.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return "";
        }

        return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(at, $"has a {name} that is {Words.For(value.ValueKind)}");
    }

    private static bool IsMulticast(IPAddress address)
        => address.IsIPv6Multicast || (address.GetAddressBytes() is { Length: 4 } bytes && bytes[0] is >= 224 and < 240);

    private static void Expect(JsonElement value, JsonValueKind kind, string at)
    {
        if (value.ValueKind != kind)
        {
            throw Wrong(at, $"is {Words.For(value.ValueKind)}, not {Words.For(kind)}");
        }
    }

    private static CniException Wrong(string at, string what) => new($"printed a result whose {at} {what}");
}
