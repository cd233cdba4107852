using System.CommandLine;
using Crisp.CriServer.Configuration;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp config</c>: shows the defaults, and what a configuration file makes of them.</summary>
internal static class ConfigCommand
{
    public static Command Create() => new("config", "Show and check the configuration.") { Default(), Show() };

    private static Command Default()
    {
        var command = new Command("default", $"Print a configuration file with every option, its default and its explanation ({ConfigFile.DefaultPath}).");
        command.SetAction(parsed => parsed.InvocationConfiguration.Output.Write(ConfigText.Write(new CrispConfig())));
        return command;
    }

    private static Command Show()
    {
        var file = DaemonOptions.ConfigFileOption();
        var command = new Command("show", "Print the configuration that the file makes, or all that is wrong with it.") { file };
        command.SetRun(async (parsed, _) =>
        {
            await parsed.InvocationConfiguration.Output.WriteAsync(ConfigText.Write(ConfigFile.Load(parsed.GetValue(file))));
            return 0;
        });
        return command;
    }
}
