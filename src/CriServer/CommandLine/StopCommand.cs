using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Completion;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp stop</c>: the containers' stop signal, and SIGKILL after a while.</summary>
internal static class StopCommand
{
    private const int DefaultSeconds = 10;

    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var time = new Option<int>("--time", "-t")
        {
            Description = $"Seconds until SIGKILL (default: {DefaultSeconds})",
            HelpName = "SECONDS",
            DefaultValueFactory = _ => DefaultSeconds,
        };
        var containers = new Argument<string[]>("CONTAINER") { Description = "Ids or their beginnings, or [[NAMESPACE/]POD/]NAME", Arity = ArgumentArity.OneOrMore }
            .WithContainers(daemon, runningOnly: true);
        var command = new Command("stop", "Stop containers. Their logs and exit codes stay until crisp rm.") { time, containers };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            var entries = await ContainerEntry.ListAsync(client, cancellation);
            var found = parsed.GetRequiredValue(containers).Select(text => ContainerFinder.Find(entries, text)).DistinctBy(e => e.Id).ToList();
            await Task.WhenAll(found.Select(async entry =>
            {
                var request = new StopContainerRequest { ContainerId = entry.Id, Timeout = parsed.GetValue(time) };
                await client.Runtime.StopContainerAsync(request, cancellationToken: cancellation);
            }));
            foreach (var entry in found)
            {
                await parsed.InvocationConfiguration.Output.WriteLineAsync(entry.FullName);
            }

            return 0;
        });
        return command;
    }
}
