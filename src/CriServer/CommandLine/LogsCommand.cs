using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Completion;
using Crisp.CriServer.CommandLine.Logs;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp logs</c>: what a container wrote.</summary>
internal static class LogsCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the container ends, over rotations of the log" };
        var tail = new Option<int?>("--tail", "-n") { Description = "The last lines alone", HelpName = "LINES" };
        var timestamps = new Option<bool>("--timestamps", "-t") { Description = "Each line with its time" };
        var previous = new Option<bool>("--previous", "-p") { Description = "Of the container before the last restart" };
        var container = new Argument<string>("CONTAINER") { Description = "Id or its beginning, or [[NAMESPACE/]POD/]NAME" }
            .WithContainers(daemon);
        tail.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < 0)
            {
                result.AddError("--tail must not be negative.");
            }
        });
        var command = new Command("logs", "Print a container's log, standard output and standard error each to its own.")
        {
            follow, tail, timestamps, previous, container,
        };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            var entries = await ContainerEntry.ListAsync(client, cancellation);
            var entry = ContainerFinder.Find(entries, parsed.GetRequiredValue(container));
            entry = parsed.GetValue(previous) ? ContainerFinder.Previous(entries, entry) : entry;
            var status = await client.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = entry.Id }, cancellationToken: cancellation);
            if (status.Status.LogPath.Length == 0)
            {
                throw new CommandException($"{entry.FullName} keeps no log: it was created without a log path.");
            }

            using var output = DescriptorStream.Output();
            using var error = DescriptorStream.Error();
            var printer = new LogPrinter(output, error, parsed.GetValue(timestamps));
            await PrintAsync(status.Status, entry.FullName, printer, parsed.GetValue(tail), parsed.GetValue(follow) ? client : null, cancellation);
            return 0;
        });
        return command;
    }

    /// <param name="follow">The daemon to ask for the container's end, or null to print what is there.</param>
    private static async Task PrintAsync(
        ContainerStatus status, string name, LogPrinter printer, int? tail, DaemonClient? follow, CancellationToken cancellation)
    {
        if (follow is not null)
        {
            await ContainerLog.FollowAsync(follow, status, printer, tail, cancellation);
            return;
        }

        using var file = LogFile.TryOpen(status.LogPath)
            ?? throw new CommandException(
                status.State == ContainerState.ContainerCreated
                    ? $"{name} has not been started and has written nothing."
                    : $"The log {status.LogPath} of {name} is gone.");
        if (tail is not null)
        {
            file.SeekTail(tail.Value);
        }

        var lines = new LineSplitter(printer.Print);
        file.ReadToEnd(lines, cancellation);
        lines.Finish();
        printer.Flush();
    }
}
