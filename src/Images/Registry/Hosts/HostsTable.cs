using Tomlyn.Model;

namespace Crisp.Images.Registry.Hosts;

/// <summary>One table of a hosts.toml, read key by key. What is wrong is collected, so that one look at the file mends it all.</summary>
/// <param name="name">How messages call the table: host."https://mirror.example", or empty for the file's top.</param>
/// <param name="directory">Of the file: what relative paths begin at.</param>
internal sealed class HostsTable(TomlTable table, string name, string directory, List<string> problems)
{
    /// <summary>Reports every key that is not among these.</summary>
    internal void Allow(params ReadOnlySpan<string> known)
    {
        foreach (var key in table.Keys)
        {
            if (!known.Contains(key))
            {
                problems.Add($"the key {Full(key)} is not known; there are {string.Join(", ", known)}");
            }
        }
    }

    internal string? Text(string key) => table.TryGetValue(key, out var value) ? Text(value, key) : null;

    internal bool Flag(string key)
    {
        if (!table.TryGetValue(key, out var value))
        {
            return false;
        }

        return value is bool flag ? flag : Report<bool>($"{Full(key)} must be true or false");
    }

    internal TimeSpan? Duration(string key)
        => Text(key) is not { } text ? null
            : GoDuration.TryParse(text, out var duration) ? duration
            : Report<TimeSpan?>($"{Full(key)} is \"{text}\", which is no duration such as \"3s\"");

    /// <summary>A string, or an array of strings.</summary>
    internal IReadOnlyList<string> Texts(string key) => table.TryGetValue(key, out var value) ? Texts(value, key) : [];

    /// <summary>Paths, absolute or relative to the file.</summary>
    internal IReadOnlyList<string> Paths(string key) => [.. Texts(key).Select(Absolute)];

    /// <summary>"pair.pem", ["one.pem", …], or [["certificate.pem", "key.pem"], …].</summary>
    internal IReadOnlyList<ClientPair> ClientPairs(string key)
    {
        if (!table.TryGetValue(key, out var value))
        {
            return [];
        }

        var pairs = new List<ClientPair>();
        foreach (var item in value is TomlArray array ? array : [value])
        {
            var files = Texts(item, key);
            if (files.Count is 1 or 2)
            {
                pairs.Add(new ClientPair(Absolute(files[0]), files.Count == 2 ? Absolute(files[1]) : null));
            }
            else
            {
                problems.Add($"{Full(key)} has {files.Count} files together; a pair is a certificate and its key");
            }
        }

        return pairs;
    }

    internal IReadOnlyList<KeyValuePair<string, string>> Headers(string key)
    {
        var headers = new List<KeyValuePair<string, string>>();
        foreach (var (header, value) in Table(key) ?? [])
        {
            foreach (var text in Texts(value, $"{key}.{header}"))
            {
                // A line break would begin another header.
                if (text.Any(char.IsControl) || header.Length == 0 || !header.All(c => char.IsAsciiLetterOrDigit(c) || c == '-' || c == '_'))
                {
                    problems.Add($"{Full(key)}.{header} is no HTTP header");
                }
                else
                {
                    headers.Add(new KeyValuePair<string, string>(header, text));
                }
            }
        }

        return headers;
    }

    internal HostCapabilities Capabilities(string key)
    {
        var capabilities = HostCapabilities.None;
        foreach (var word in Texts(key))
        {
            capabilities |= word.ToUpperInvariant() switch
            {
                "PULL" => HostCapabilities.Pull,
                "RESOLVE" => HostCapabilities.Resolve,
                "PUSH" => HostCapabilities.None,
                _ => Report<HostCapabilities>($"{Full(key)} has \"{word}\"; there are pull, resolve and push"),
            };
        }

        return table.ContainsKey(key) ? capabilities : HostCapabilities.Pull | HostCapabilities.Resolve;
    }

    internal TomlTable? Table(string key)
        => !table.TryGetValue(key, out var value) ? null
            : value as TomlTable ?? Report<TomlTable?>($"{Full(key)} must be a table");

    private string Absolute(string path) => Path.GetFullPath(path, directory);

    private IReadOnlyList<string> Texts(object? value, string key)
        => value is TomlArray array ? [.. array.Select(v => Text(v, key)).OfType<string>()] : Text(value, key) is { } text ? [text] : [];

    private string? Text(object? value, string key)
        => value is string { Length: > 0 } text ? text : Report<string?>($"{Full(key)} must be a string that is not empty");

    private string Full(string key) => name.Length == 0 ? key : $"{name}.{key}";

    private T? Report<T>(string problem)
    {
        problems.Add(problem);
        return default;
    }
}
