using System.CommandLine;
using System.Net;
using Crisp.CriServer.Configuration;
using Crisp.NodeAgent.Configuration;
using Crisp.NodeAgent.Kubernetes;

namespace Crisp.NodeAgent.CommandLine;

/// <summary>The options of <c>run</c>; the chart's values become them.</summary>
internal sealed class AgentSettings
{
    // A Lease counts its duration in 32 bits of seconds, and a switch's has twice the patience in it.
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(86400);
    private static readonly AgentOptions s_defaults = new() { NodeName = "", Namespace = "" };
    private readonly Option<string> _node = Text("--node", "NAME", "The node that the agent is on (spec.nodeName)");
    private readonly Option<string> _namespace = Text("--namespace", "NAME", "The namespace of the release and its Lease");
    private readonly Option<string> _lease = Text("--lease", "NAME", "The Lease that only one node has at a time", s_defaults.LeaseName);
    private readonly Option<string> _hostRoot = Text("--host-root", "DIR", "Where the host's root is mounted", s_defaults.HostRoot);
    private readonly Option<string?> _config = new("--config") { HelpName = "FILE", Description = "The daemon's configuration that the host is to have" };
    private readonly Option<string> _endpoint = Text("--endpoint", "URL", "Where crisp answers on the host", s_defaults.Endpoint);
    private readonly Option<bool> _switch = new("--switch-kubelet") { Description = "Switch the kubelet over, too" };
    private readonly Option<string> _unit = Text("--kubelet-unit", "UNIT", "The kubelet's unit of systemd", s_defaults.KubeletUnit);
    private readonly Option<string[]> _files = new("--kubelet-file")
    {
        HelpName = "FILE",
        Description = "A file that may hold the kubelet's endpoint (repeatable)",
        DefaultValueFactory = _ => [.. s_defaults.KubeletFiles],
    };

    private readonly Option<string> _health = Text("--kubelet-health", "URL", "The kubelet's health check", s_defaults.KubeletHealth);
    private readonly Option<string> _patience = Text("--switch-patience", "TIME", "How long a switched node may take to be Ready", "10m");
    private readonly Option<string> _drainTimeout = Text("--drain-timeout", "TIME", "How long a drain may take", "15m");
    private readonly Option<bool> _emptyDir = new("--drain-delete-emptydir-data") { Description = "Drain pods with emptyDir volumes, too" };
    private readonly Option<bool> _force = new("--drain-force") { Description = "Drain pods without a controller, too" };
    private readonly Option<bool> _guestImage = new("--build-guest-image") { Description = "Make a guest image for VM pods where there is KVM" };
    private readonly Option<string> _listen = Text("--listen", "ADDRESS:PORT", "Metrics and health", s_defaults.Listen);
    private readonly Option<LogLevel> _level = new("--log-level") { DefaultValueFactory = _ => s_defaults.LogLevel, Description = "trace, debug, information, warning, error, critical or none" };
    private readonly Option<LogFormat> _format = new("--log-format") { DefaultValueFactory = _ => s_defaults.LogFormat, Description = "json or text" };

    public void AddTo(Command command)
    {
        Option[] options =
        [
            _node, _namespace, _lease, _hostRoot, _config, _endpoint, _switch, _unit, _files, _health, _patience, _drainTimeout, _emptyDir, _force,
            _guestImage, _listen, _level, _format,
        ];
        foreach (var option in options)
        {
            command.Add(option);
        }
    }

    /// <exception cref="OptionException">A value is wrong.</exception>
    public AgentOptions Read(ParseResult parsed) => new()
    {
        NodeName = Name(parsed, _node),
        Namespace = Name(parsed, _namespace),
        LeaseName = Name(parsed, _lease),
        HostRoot = Absolute(parsed, _hostRoot),
        ConfigFile = parsed.GetValue(_config),
        Endpoint = parsed.GetRequiredValue(_endpoint) is var endpoint && endpoint.StartsWith("unix:///", StringComparison.Ordinal)
            ? endpoint
            : throw new OptionException($"--endpoint must be unix:// and a path, such as \"{s_defaults.Endpoint}\"; it is \"{endpoint}\"."),
        SwitchKubelet = parsed.GetValue(_switch),
        KubeletUnit = Name(parsed, _unit),
        KubeletFiles = parsed.GetRequiredValue(_files),
        KubeletHealth = Url(parsed, _health),
        SwitchPatience = Time(parsed, _patience),
        Drain = new DrainOptions(Time(parsed, _drainTimeout), parsed.GetValue(_emptyDir), parsed.GetValue(_force)),
        BuildGuestImage = parsed.GetValue(_guestImage),
        Listen = IPEndPoint.TryParse(parsed.GetRequiredValue(_listen), out _)
            ? parsed.GetRequiredValue(_listen)
            : throw new OptionException($"--listen must be an address and a port, such as \"{s_defaults.Listen}\"; it is \"{parsed.GetValue(_listen)}\"."),
        LogLevel = parsed.GetValue(_level),
        LogFormat = parsed.GetValue(_format),
    };

    /// <summary>As the daemon's configuration has times, and not 0.</summary>
    internal static TimeSpan ParseTime(string name, string text) =>
        Duration.TryParse(text, out var time) && time > TimeSpan.Zero && time <= s_longest
            ? time
            : throw new OptionException($"{name} must be a time such as \"90s\", \"15m\" or \"1h\"; it is \"{text}\".");

    private static TimeSpan Time(ParseResult parsed, Option<string> option) => ParseTime(option.Name, parsed.GetRequiredValue(option));

    private static string Name(ParseResult parsed, Option<string> option) =>
        parsed.GetValue(option) is { Length: > 0 } name && !name.Contains('/') ? name : throw new OptionException($"{option.Name} must be a name; it is \"{parsed.GetValue(option)}\".");

    private static string Absolute(ParseResult parsed, Option<string> option) =>
        parsed.GetRequiredValue(option) is var path && path.StartsWith('/') && Directory.Exists(path)
            ? path
            : throw new OptionException($"{option.Name} must be a directory's absolute path; it is \"{path}\".");

    private static string Url(ParseResult parsed, Option<string> option) =>
        Uri.TryCreate(parsed.GetRequiredValue(option), UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? url.ToString()
            : throw new OptionException($"{option.Name} must be an http URL; it is \"{parsed.GetValue(option)}\".");

    private static Option<string> Text(string name, string help, string description, string? value = null) =>
        value is null
            ? new Option<string>(name) { HelpName = help, Description = description, Required = true }
            : new Option<string>(name) { HelpName = help, Description = description, DefaultValueFactory = _ => value };
}
