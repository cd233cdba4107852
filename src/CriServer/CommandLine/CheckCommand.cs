using System.CommandLine;
using Crisp.CriServer.Check;
using Crisp.CriServer.Configuration;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp check</c>: what this node can do, and what to do about each lack.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var format = new Option<OutputFormat>("--output", "-o")
        {
            Description = "table, or json for scripts",
            HelpName = "FORMAT",
            DefaultValueFactory = _ => OutputFormat.Table,
        };
        var command = new Command("check", "Try what pods need of this node. Ends with 1 when something necessary is missing.") { format };
        daemon.AddTo(command);
        command.SetRun((parsed, cancellation) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            var context = new CheckContext(ConfigFile.Load(parsed.GetValue(daemon.Config)), daemon.SocketPath(parsed));
            var colour = !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
            var isJson = parsed.GetValue(format) == OutputFormat.Json;
            var results = new List<CheckResult>();
            foreach (var result in NodeCheck.Run(context))
            {
                cancellation.ThrowIfCancellationRequested();
                results.Add(result);
                output.Write(isJson ? "" : CheckReport.Line(result, colour));
            }

            output.Write(isJson ? CheckReport.Json(results) : "\n" + CheckReport.Verdict(results));
            return Task.FromResult(CheckReport.ExitCode(results));
        });
        return command;
    }
}
