using System.Text.Json;
using System.Text.RegularExpressions;

namespace Crisp.CriServer.CommandLine.Migration;

/// <summary>A setting of the kubelet's and the file in which it stands.</summary>
internal sealed record FoundSetting(string File, string Value);

/// <summary>What concerns the container runtime in the kubelet's files, as kubeadm, Debian and Fedora lay them out.</summary>
internal sealed partial class KubeletSettings
{
    public const string ConfigPath = "/var/lib/kubelet/config.yaml";

    // Later ones win, as the arguments stand in kubeadm's unit.
    private static readonly string[] s_flagFiles =
        ["/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet", "/etc/sysconfig/kubelet", "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"];

    private readonly Func<string, string?> _read;

    /// <param name="read">The text of a file; null when there is none.</param>
    public KubeletSettings(Func<string, string?> read)
    {
        _read = read;
        IsThere = read(ConfigPath) is not null || s_flagFiles.Any(f => read(f) is not null);
        Endpoint = FromFlags("container-runtime-endpoint") ?? FromConfig("containerRuntimeEndpoint");
        CgroupDriver = FromFlags("cgroup-driver") ?? FromConfig("cgroupDriver");
        SandboxImage = FromFlags("pod-infra-container-image");
        ImageEndpoint = FromFlags("image-service-endpoint") ?? FromConfig("imageServiceEndpoint");
    }

    public bool IsThere { get; }

    public FoundSetting? Endpoint { get; }

    public FoundSetting? ImageEndpoint { get; }

    public FoundSetting? CgroupDriver { get; }

    public FoundSetting? SandboxImage { get; }

    private FoundSetting? FromFlags(string flag)
    {
        FoundSetting? found = null;
        foreach (var file in s_flagFiles)
        {
            // systemd.exec(5), EnvironmentFile=, and units alike: what begins with # or ; is a comment.
            var lines = (_read(file) ?? "").Split('\n').Where(l => l.TrimStart() is not ['#' or ';', ..]);
            foreach (var match in lines.SelectMany(l => Flag().Matches(l)))
            {
                if (match.Groups["name"].Value == flag)
                {
                    found = new FoundSetting(file, match.Groups["value"].Value);
                }
            }
        }

        return found;
    }

    /// <summary>A value at the file's outermost level: what the kubelet writes and documents has no other form there than NAME: VALUE.</summary>
    private FoundSetting? FromConfig(string key)
    {
        if (_read(ConfigPath) is not { } text)
        {
            return null;
        }

        if (text.TrimStart().StartsWith('{'))
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.TryGetProperty(key, out var value) ? new FoundSetting(ConfigPath, value.ToString()) : null;
        }

        foreach (Match match in YamlScalar().Matches(text))
        {
            if (match.Groups["key"].Value == key && match.Groups["value"].Value.Trim('"', '\'') is { Length: > 0 } value)
            {
                return new FoundSetting(ConfigPath, value);
            }
        }

        return null;
    }

    [GeneratedRegex("""--(?<name>[a-z-]+)[= ]"?(?<value>[^\s"']+)""")]
    private static partial Regex Flag();

    [GeneratedRegex("""^(?<key>[A-Za-z]+):[ \t]+(?<value>"[^"\n]*"|'[^'\n]*'|[^\s#][^\n#]*?)[ \t]*(#[^\n]*)?$""", RegexOptions.Multiline)]
    private static partial Regex YamlScalar();
}
