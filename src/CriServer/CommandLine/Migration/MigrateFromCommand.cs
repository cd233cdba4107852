using System.CommandLine;
using Crisp.CriServer.Configuration;
using Crisp.Install.Host;

namespace Crisp.CriServer.CommandLine.Migration;

/// <summary><c>crisp migrate-from containerd</c>: what to change on this node. It reads and prints.</summary>
internal static class MigrateFromCommand
{
    public static Command Create() => new("migrate-from", "Say what to change on a node that runs another container runtime. Changes nothing.") { Containerd() };

    private static Command Containerd()
    {
        var file = DaemonOptions.ConfigFileOption();
        var root = new Option<string>("--root")
        {
            Description = "Where the node's files are looked for",
            HelpName = "DIR",
            DefaultValueFactory = _ => "/",
        };
        var command = new Command("containerd", "Say what to change in the kubelet's and crisp's configuration to leave containerd.") { root, file };
        command.SetRun(async (parsed, _) =>
        {
            var host = new HostRoot(parsed.GetValue(root)!);
            var config = ConfigFile.Load(parsed.GetValue(file));
            var output = parsed.InvocationConfiguration.Output;
            foreach (var advice in Read(host.ReadText, config))
            {
                await output.WriteLineAsync($"{advice.Subject}\n{string.Concat(advice.Lines.Select(l => $"    {l}\n"))}");
            }

            return 0;
        });
        return command;
    }

    /// <param name="read">The text of a file; null when there is none.</param>
    internal static IEnumerable<Advice> Read(Func<string, string?> read, CrispConfig config)
    {
        try
        {
            var containerd = read(ContainerdSettings.ConfigPath) is { } text ? new ContainerdSettings(text) : null;
            return new MigrationAdvice(new KubeletSettings(read), containerd, config).All();
        }
        catch (FormatException e)
        {
            throw new CommandException($"{ContainerdSettings.ConfigPath} cannot be understood: {e.Message}", e);
        }
        catch (System.Text.Json.JsonException e)
        {
            throw new CommandException($"{KubeletSettings.ConfigPath} cannot be understood: {e.Message}", e);
        }
    }
}
