using Tomlyn;
using Tomlyn.Model;
using Tomlyn.Parsing;

namespace Crisp.Images.Registry.Hosts;

/// <summary>containerd's hosts.toml (docs/hosts.md): mirrors in the file's order, then the registry itself.</summary>
internal static class HostsFile
{
    private const string ServerKey = "server";
    private const string HostKey = "host";
    private const string CapabilitiesKey = "capabilities";
    private const string AuthoritiesKey = "ca";
    private const string ClientKey = "client";
    private const string SkipVerifyKey = "skip_verify";
    private const string HeaderKey = "header";
    private const string OverridePathKey = "override_path";
    private const string DialTimeoutKey = "dial_timeout";

    /// <param name="path">Of the file, for messages and relative paths.</param>
    /// <param name="registry">Of the image's name.</param>
    /// <exception cref="ImageException">Everything that is wrong with the file. It is not passed over: a mirror or an authority
    /// that is silently left out is a surprise of the worst kind.</exception>
    internal static IReadOnlyList<RegistryHost> Parse(string text, string path, string registry)
    {
        var problems = new List<string>();
        var directory = Path.GetDirectoryName(path)!;
        var file = new HostsTable(Read(text, path), "", directory, problems);
        file.Allow(
            ServerKey, HostKey, CapabilitiesKey, AuthoritiesKey, ClientKey, SkipVerifyKey, HeaderKey, OverridePathKey, DialTimeoutKey);
        var hosts = new List<RegistryHost>();
        foreach (var (name, value) in file.Table(HostKey) ?? [])
        {
            if (value is not TomlTable table)
            {
                problems.Add($"{HostKey}.\"{name}\" must be a table");
                continue;
            }

            var entry = new HostsTable(table, $"{HostKey}.\"{name}\"", directory, problems);
            entry.Allow(CapabilitiesKey, AuthoritiesKey, ClientKey, SkipVerifyKey, HeaderKey, OverridePathKey, DialTimeoutKey);
            if (Address(name, entry, problems) is { } url)
            {
                hosts.Add(Host(entry, new RegistryHost { Url = url, IsServer = DefaultHost.IsSame(url.Authority, registry) }));
            }
        }

        var server = file.Text(ServerKey);
        if (server is null)
        {
            hosts.Add(Host(file, DefaultHost.Of(registry)));
        }
        else if (Address(server, file, problems) is { } url)
        {
            hosts.Add(Host(file, new RegistryHost { Url = url, IsServer = true }));
        }

        return problems.Count == 0
            ? hosts
            : throw new ImageException(ImageError.Configuration, $"{path} cannot be used: {string.Join("; ", problems)}.");
    }

    private static TomlTable Read(string text, string path)
    {
        try
        {
            // The serializer alone takes a key twice, and the last one wins.
            SyntaxParser.ParseStrict(text, path);
            return TomlSerializer.Deserialize(text, HostsToml.Default.TomlTable) ?? [];
        }
        catch (TomlException error)
        {
            throw new ImageException(ImageError.Configuration, $"{path} is not TOML: {error.Message}", error);
        }
    }

    private static RegistryHost Host(HostsTable table, RegistryHost host)
    {
        var authorities = table.Paths(AuthoritiesKey);
        return host with
        {
            Capabilities = table.Capabilities(CapabilitiesKey),
            Authorities = authorities,
            ClientPairs = table.ClientPairs(ClientKey),
            // Who names an authority wants it to be asked, on this machine too.
            SkipVerify = table.Flag(SkipVerifyKey) || (host.SkipVerify && authorities.Count == 0),
            MayBePlain = host.MayBePlain && authorities.Count == 0,
            Headers = table.Headers(HeaderKey),
            DialTimeout = table.Duration(DialTimeoutKey),
        };
    }

    private static Uri? Address(string text, HostsTable table, List<string> problems)
    {
        var full = text.Contains("://", StringComparison.Ordinal) ? text : $"https://{text}";
        if (!Uri.TryCreate(full, UriKind.Absolute, out var url)
            || url.Scheme is not ("http" or "https") || url.Host.Length == 0
            || url.UserInfo.Length > 0 || url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            problems.Add($"\"{text}\" is not a URL such as https://mirror.example:5000");
            return null;
        }

        var path = url.AbsolutePath.TrimEnd('/');
        var root = table.Flag(OverridePathKey) || path.EndsWith("/v2", StringComparison.Ordinal) ? path : $"{path}/v2";
        return new Uri($"{url.Scheme}://{url.Authority}{root}");
    }
}
