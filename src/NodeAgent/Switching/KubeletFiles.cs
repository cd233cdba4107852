using System.Text.RegularExpressions;
using Crisp.Install.Host;

namespace Crisp.NodeAgent.Switching;

/// <summary>
/// Reads and changes the kubelet's runtime endpoint. One value is changed and nothing else of the file, comments included, so that
/// the way back leaves the file as it was, with whatever others have changed in it meanwhile.
/// </summary>
internal static partial class KubeletFiles
{
    /// <summary>The setting that counts: flags override the configuration file (kubelet(8)), whatever the order of the files.</summary>
    /// <param name="files">On the host; those that do not exist are passed over.</param>
    /// <exception cref="HostException">None of them can hold the setting.</exception>
    public static KubeletSetting Find(HostRoot host, IReadOnlyList<string> files)
    {
        foreach (var file in files.Where(f => KindOf(f) == KubeletFileKind.Flags))
        {
            if (host.ReadText(file) is { } text && Flag().Match(WithoutComments(text)) is { Success: true } flag)
            {
                return new KubeletSetting(file, KubeletFileKind.Flags, flag.Groups["value"].Value);
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
        // Positions stay: a comment is blanked, not cut.
        var flag = Flag().Match(WithoutComments(text));
        return flag.Success && setting.Endpoint is not null
            ? string.Concat(text.AsSpan(0, flag.Groups["value"].Index), setting.Endpoint, text.AsSpan(flag.Groups["value"].Index + flag.Groups["value"].Length))
            : throw new HostException($"{setting.File} of the host has no --container-runtime-endpoint any more that could be changed.");
    }

    private static string WithKey(string text, string? endpoint)
    {
        var key = Key().Match(text);
        var line = endpoint is null ? "" : $"containerRuntimeEndpoint: \"{endpoint}\"\n";
        return key.Success
            ? string.Concat(text.AsSpan(0, key.Index), line, text.AsSpan(key.Index + key.Length))
            : text.Length == 0 || text.EndsWith('\n') ? text + line : $"{text}\n{line}";
    }

    private static string WithoutComments(string text) => Comment().Replace(text, c => new string(' ', c.Length));

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
