using System.Collections.Concurrent;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Restart;

/// <summary>
/// The first thing that a daemon does: it reads the records, finds the pods' processes, and makes records and node agree. No
/// call is served before. Pods are taken in parallel, since each waits for a process of its own.
/// </summary>
internal sealed partial class Reconciler(Node node)
{
    private const int Parallel = 32;
    private readonly ConcurrentBag<string> _problems = [];

    /// <summary>Sentences on what was set aside or could not be put right, for the log and for Status.</summary>
    public IReadOnlyCollection<string> Problems => _problems;

    public async Task RunAsync()
    {
        Load();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Parallel };
        await System.Threading.Tasks.Parallel.ForEachAsync(node.Index.All, options, async (sandbox, _) => await AdoptAsync(sandbox));
        EndOrphans();
        await Leftovers.RemoveAsync(node, _problems);
        foreach (var problem in _problems)
        {
            Log.Problem(node.Logger, problem);
        }

        Log.Ready(node.Logger, node.Index.Sandboxes.Count(), node.Index.Containers.Count());
    }

    private void Load()
    {
        var damaged = new List<RecordProblem>();
        foreach (var record in node.SandboxRecords.Load(damaged))
        {
            node.Index.Add(new LiveSandbox(record, node.SandboxRecords));
        }

        foreach (var record in node.ContainerRecords.Load(damaged))
        {
            node.Index.Add(new LiveContainer(record, node.ContainerRecords));
        }

        foreach (var problem in damaged)
        {
            _problems.Add($"A record was set aside as {problem.Path}: {problem.Reason}");
        }
    }

    private async Task AdoptAsync(LiveSandbox sandbox)
    {
        try
        {
            switch (sandbox.Record.Stage)
            {
                case SandboxStage.Creating:
                    await RollBackAsync(sandbox);
                    break;
                case SandboxStage.Ready when sandbox.Record.Process?.BootId != node.BootId:
                    await SandboxCleanup.StopAsync(node, sandbox, "The node was rebooted.", ExitReason.NodeRebooted);
                    break;
                case SandboxStage.Ready:
                    await ReattachAsync(sandbox);
                    break;
                default:
                    // Stopped, but perhaps not to the end.
                    await SandboxCleanup.StopAsync(node, sandbox, sandbox.Record.Problem);
                    break;
            }
        }
        catch (Exception e) when (e is SandboxException or Linux.LinuxException or IOException or Hosting.CriException)
        {
            // One pod that cannot be put right must not keep the others from their daemon.
            _problems.Add($"The pod {sandbox.Id} could not be taken over: {e.Message}");
        }
    }

    /// <summary>The daemon died within RunPodSandbox. Its caller will retry, and get a new pod.</summary>
    private async Task RollBackAsync(LiveSandbox sandbox)
    {
        sandbox.Link = await SandboxLink.FindAsync(node, sandbox.Id, identity: null);
        await SandboxCleanup.RemoveAllAsync(node, sandbox);
    }

    private async Task ReattachAsync(LiveSandbox sandbox)
    {
        if (await SandboxLink.FindAsync(node, sandbox.Id, sandbox.Record.Process) is not { } link)
        {
            await SandboxCleanup.StopAsync(node, sandbox, "The pod's process ended while the daemon was away.");
            return;
        }

        var state = await link.Client.StateAsync();
        link.Learn(state.Namespaces);
        sandbox.Link = link;
        foreach (var one in state.Containers)
        {
            if (sandbox.Containers.TryGetValue(one.Id, out var container))
            {
                Take(container, one);
            }
            else
            {
                // The daemon died within CreateContainer, before the record, or within RemoveContainer, after it.
                await link.Client.DeleteContainerAsync(one.Id);
            }
        }

        EndForgotten(sandbox, [.. state.Containers.Select(c => c.Id)]);
        SandboxWatch.Begin(node, sandbox, link, state.EventSequence);
    }

    private static void Take(LiveContainer container, ContainerState state)
    {
        container.Change(record => (state.Status, record.Stage) switch
        {
            (_, ContainerStage.Exited) => record,
            (ProcessStatus.Running or ProcessStatus.Paused, ContainerStage.Created) =>
                record with { Stage = ContainerStage.Running, Pid = state.Pid, StartedAt = state.StartedAt },
            (ProcessStatus.Stopped, _) => Ended(record with { StartedAt = state.StartedAt }, state.Exit),
            _ => record,
        });
    }

    private static ContainerRecord Ended(ContainerRecord record, ExitInfo? exit) => ContainerExits.Ended(
        record,
        exit is null
            ? ContainerExits.Unknown(record, ExitReason.SandboxDied, "The pod's process knows of no exit code.")
            : ContainerExits.From(exit, record));

    // A record whose container the pod's process does not know: it was removed there, and the daemon died before the record.
    private void EndForgotten(LiveSandbox sandbox, HashSet<string> known)
    {
        foreach (var container in sandbox.Containers.Values.Where(c => !known.Contains(c.Id) && c.Record.Stage != ContainerStage.Exited))
        {
            var written = ExitFiles.Read(node.SandboxRunDirectory(sandbox.Id), container.Id);
            container.Change(r => written is null
                ? Ended(r, null)
                : ContainerExits.Ended(r, ContainerExits.From(written, r)));
        }
    }

    // The pod's record was lost: the container is reported until somebody removes it.
    private void EndOrphans()
    {
        foreach (var container in node.Index.Containers.Where(c => node.Index.SandboxOf(c) is null && c.Record.Stage != ContainerStage.Exited))
        {
            container.Change(r => ContainerExits.Ended(
                r, ContainerExits.Unknown(r, ExitReason.SandboxDied, $"The record of its pod {r.SandboxId} was lost.")));
        }
    }

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Information, "Took over {Pods} pods with {Containers} containers", EventName = "TookOver")]
        public static partial void Ready(ILogger logger, int pods, int containers);

        [LoggerMessage(21, LogLevel.Warning, "{Problem}", EventName = "RestartProblem")]
        public static partial void Problem(ILogger logger, string problem);
    }
}
