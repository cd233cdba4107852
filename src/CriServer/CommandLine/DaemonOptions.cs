using System.CommandLine;
using Crisp.CriServer.Configuration;

namespace Crisp.CriServer.CommandLine;

/// <summary>The options by which commands find their daemon: --socket, else CRISP_SOCKET, else the configuration's.</summary>
internal sealed class DaemonOptions
{
    private const string Variable = "CRISP_SOCKET";

    public Option<string?> Config { get; } = ConfigFileOption();

    public Option<string?> Socket { get; } = new("--socket")
    {
        Description = $"The daemon's socket (default: {Variable}, else the configuration's)",
        HelpName = "PATH",
    };

    public static Option<string?> ConfigFileOption() => new("--config")
    {
        Description = $"Configuration file (default: {ConfigFile.DefaultPath} where it exists)",
        HelpName = "FILE",
    };

    public void AddTo(Command command)
    {
        command.Add(Socket);
        command.Add(Config);
    }

    /// <summary>The path, absolute. A prefix unix:// is fine, as the kubelet and crictl write it.</summary>
    /// <exception cref="ConfigException">The configuration cannot be used, and nothing overrides it.</exception>
    public string SocketPath(ParseResult parsed)
    {
        const string Scheme = "unix://";
        var path = parsed.GetValue(Socket) ?? NotEmpty(Environment.GetEnvironmentVariable(Variable)) ?? ConfigFile.Load(parsed.GetValue(Config)).SocketPath;
        return Path.GetFullPath(path.StartsWith(Scheme, StringComparison.Ordinal) ? path[Scheme.Length..] : path);
    }

    private static string? NotEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
