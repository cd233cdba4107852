using System.CommandLine;
using System.Globalization;
using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp ps</c>: the containers.</summary>
internal static class PsCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var all = new Option<bool>("--all", "-a") { Description = "Also those that do not run" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Ids alone, whole, one a line" };
        var format = OutputFormats.Option();
        var command = new Command("ps", "List containers.") { all, quiet, format };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            var entries = (await ContainerEntry.ListAsync(client, cancellation)).Where(e => parsed.GetValue(all) || e.IsRunning).ToList();
            var text = parsed.GetValue(quiet) ? string.Concat(entries.Select(e => e.Id + "\n"))
                : parsed.GetValue(format) == OutputFormat.Json ? OutputFormats.Json(new ListContainersResponse { Containers = { entries.Select(e => e.Container) } })
                : Table(entries, await EndsAsync(client, entries, cancellation), DateTimeOffset.UtcNow);
            await parsed.InvocationConfiguration.Output.WriteAsync(text);
            return 0;
        });
        return command;
    }

    /// <param name="ends">By id, the status of those that have ended.</param>
    internal static string Table(IEnumerable<ContainerEntry> entries, Dictionary<string, ContainerStatus> ends, DateTimeOffset now)
    {
        var table = new Table("CONTAINER", "IMAGE", "AGE", "STATE", "NAME", "ATTEMPT", "POD ID", "POD");
        foreach (var entry in entries)
        {
            table.Add(
                ShortId.Of(entry.Id),
                ShortId.OfImage(NotEmpty(entry.Container.Image.UserSpecifiedImage) ?? entry.Container.Image.Image),
                Age.Since(entry.Container.CreatedAt, now),
                State(entry.Container.State, ends.GetValueOrDefault(entry.Id)),
                entry.Name,
                entry.Container.Metadata.Attempt.ToString(CultureInfo.InvariantCulture),
                ShortId.Of(entry.Container.PodSandboxId),
                entry.PodName);
        }

        return table.ToString();
    }

    private static string State(ContainerState state, ContainerStatus? end) => state switch
    {
        ContainerState.ContainerCreated => "Created",
        ContainerState.ContainerRunning => "Running",
        // The reason where it says more than that the program ended by itself.
        ContainerState.ContainerExited when end is { Reason: not ("" or "Completed" or "Error") } => $"Exited ({end.ExitCode}, {end.Reason})",
        ContainerState.ContainerExited when end is not null => $"Exited ({end.ExitCode})",
        ContainerState.ContainerExited => "Exited",
        _ => "Unknown",
    };

    private static async Task<Dictionary<string, ContainerStatus>> EndsAsync(
        DaemonClient client, List<ContainerEntry> entries, CancellationToken cancellation)
    {
        var ends = new Dictionary<string, ContainerStatus>();
        foreach (var entry in entries.Where(e => e.Container.State == ContainerState.ContainerExited))
        {
            try
            {
                var status = await client.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = entry.Id }, cancellationToken: cancellation);
                ends[entry.Id] = status.Status;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
            {
                // Removed since it was listed: there is no exit code to show any more.
                continue;
            }
        }

        return ends;
    }

    private static string? NotEmpty(string text) => text.Length == 0 ? null : text;
}
