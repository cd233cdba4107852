using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Completion;

namespace Crisp.CriServer.CommandLine.Stats;

/// <summary><c>crisp stats</c>: what pods and containers use, again and again on a terminal, once elsewhere.</summary>
internal static class StatsCommand
{
    // As long as the daemon's own window, so that its rate and this one's are of the same kind.
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var container = new Argument<string?>("CONTAINER")
        {
            Description = "Id, name, or NAMESPACE/POD/NAME of a container (default: all that run)",
            Arity = ArgumentArity.ZeroOrOne,
        }.WithContainers(daemon, runningOnly: true);
        var pods = new Option<bool>("--pods", "-p") { Description = "Pods instead of containers, with their networks" };
        var once = new Option<bool>("--no-stream") { Description = "Print one table and end, as it does when the output is no terminal" };
        var format = OutputFormats.Option();
        var command = new Command("stats", "Show what containers use of processors, memory and disk.") { container, pods, once, format };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            var id = parsed.GetValue(container) is { } text
                ? ContainerFinder.Find(await ContainerEntry.ListAsync(client, cancellation), text).Id
                : null;
            var output = parsed.InvocationConfiguration.Output;
            var before = await ReadAsync(client, cancellation);
            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                await output.WriteAsync(OutputFormats.Json(before));
                return 0;
            }

            var screen = new Screen(output, () => parsed.GetValue(once) ? null : ScreenSize.Of(1));
            do
            {
                await Task.Delay(_interval, cancellation);
                var now = await ReadAsync(client, cancellation);
                await screen.ShowAsync(parsed.GetValue(pods) ? StatsTable.Pods(before, now) : StatsTable.Containers(before, now, id));
                before = now;
            }
            while (screen.Repeats);
            return 0;
        });
        return command;
    }

    private static async Task<ListPodSandboxStatsResponse> ReadAsync(DaemonClient client, CancellationToken cancellation) =>
        await client.Runtime.ListPodSandboxStatsAsync(new ListPodSandboxStatsRequest(), cancellationToken: cancellation);
}
