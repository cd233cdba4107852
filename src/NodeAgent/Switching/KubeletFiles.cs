using System.Text.RegularExpressions;
using Crisp.Install.Host;

namespace Crisp.NodeAgent.Switching;

/// <summary>
/// Reads and changes the kubelet's runtime endpoint. One value is changed and nothing else of the file, comments included, so that
/// the way back leaves the file as it was, with whatever others have changed in it meanwhile.
/// </summary>
internal static partial class KubeletFiles
{
    /// <summary>
    /// The setting that counts: flags override the configuration file (kubelet(8)), and of several flags the last does, as kubeadm's unit
    /// has KUBELET_EXTRA_ARGS at its command line's end.
    /// </summary>
    /// <param name="files">On the host, in the order in which the unit has them; those that do not exist are passed over.</param>
    /// <exception cref="HostException">None of them can hold the setting.</exception>
    public static KubeletSetting Find(HostRoot host, IReadOnlyList<string> files)
    {
        foreach (var file in files.Where(f => KindOf(f) == KubeletFileKind.Flags).Reverse())
        {
            if (host.ReadText(file) is { } text && LastFlag(text) is { } value)
            {
                return new KubeletSetting(file, KubeletFileKind.Flags, value.Value);
            }
        }

        foreach (var file in files.Where(f => KindOf(f) == KubeletFileKind.Configuration))
        {
            if (host.ReadText(file) is { } text)
            {
                var key = Key().Match(text);
                return new KubeletSetting(file, KubeletFileKind.Configuration, key.Success ? Unquote(key.Groups["value"].Value) : null);
            }
        }

        throw new HostException(
            $"None of {string.Join(", ", files)} on the host holds the kubelet's container runtime endpoint. "
            + "Name the file with its flags or its KubeletConfiguration (kubelet.files), or switch the kubelet by hand (kubelet.switch: false).");
    }

    /// <summary>Makes the file say what the setting says. Said already, nothing is written.</summary>
    /// <exception cref="HostException">The file cannot be written, or has lost what is to be changed.</exception>
    public static void Apply(HostRoot host, KubeletSetting setting)
    {
        var text = host.ReadText(setting.File) ?? throw new HostException($"{setting.File} of the host, which holds the kubelet's endpoint, is gone.");
        var changed = setting.Kind == KubeletFileKind.Flags ? WithFlag(text, setting) : WithKey(text, setting.Endpoint);
        if (changed != text)
        {
            host.WriteText(setting.File, changed);
        }
    }

    private static KubeletFileKind KindOf(string file) =>
        Path.GetExtension(file) is ".yaml" or ".yml" ? KubeletFileKind.Configuration : KubeletFileKind.Flags;

    private static string WithFlag(string text, KubeletSetting setting)
    {
        return LastFlag(text) is { } value && setting.Endpoint is not null
            ? string.Concat(text.AsSpan(0, value.Index), setting.Endpoint, text.AsSpan(value.Index + value.Length))
            : throw new HostException($"{setting.File} of the host has no --container-runtime-endpoint any more that could be changed.");
    }

    private static string WithKey(string text, string? endpoint)
    {
        var key = Key().Match(text);
        var value = key.Groups["value"];
        return (key.Success, endpoint) switch
        {
            (true, not null) when Unquote(value.Value) == endpoint => text,
            (true, not null) => string.Concat(text.AsSpan(0, value.Index), Quoted(endpoint, value.Value), text.AsSpan(value.Index + value.Length)),
            // A line that ends with the file takes the newline before it along.
            (true, null) => text.Remove(key.Index, key.Length) is var rest && key.Value.EndsWith('\n') ? rest : rest[..^1],
            (false, not null) when text.Length > 0 && !text.EndsWith('\n') => $"{text}\ncontainerRuntimeEndpoint: \"{endpoint}\"",
            (false, not null) => $"{text}containerRuntimeEndpoint: \"{endpoint}\"\n",
            (false, null) => text,
        };
    }

    // In the quotes that the value before had; an endpoint is a plain scalar of YAML but for what these characters mean there. A key
    // without a value may have no blank after it, and none before a comment.
    private static string Quoted(string endpoint, string before)
    {
        var quote = before is ['"' or '\'', ..] ? before[..1] : endpoint.AsSpan().ContainsAny(" #") ? "\"" : "";
        return before.Length == 0 ? $" {quote}{endpoint}{quote} " : $"{quote}{endpoint}{quote}";
    }

    // Positions stay: a comment is blanked, not cut.
    private static Group? LastFlag(string text) =>
        Flag().Matches(Comment().Replace(text, c => new string(' ', c.Length))).LastOrDefault()?.Groups["value"];

    private static string Unquote(string value) => value.Trim('"', '\'');

    [GeneratedRegex(@"--container-runtime-endpoint(?:=|\s+)""?(?<value>[^\s""']+)")]
    private static partial Regex Flag();

    // An environment file's comment (systemd.exec(5)): a line that begins with # or ;.
    [GeneratedRegex(@"^[ \t]*[#;].*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    // A top-level key of block style, which is what kubeadm and people write.
    [GeneratedRegex(@"^containerRuntimeEndpoint:[ \t]*(?<value>""[^""\n]*""|'[^'\n]*'|[^\s#]*)[ \t]*(?:#[^\n]*)?(?:\n|\z)", RegexOptions.Multiline)]
    private static partial Regex Key();
}
