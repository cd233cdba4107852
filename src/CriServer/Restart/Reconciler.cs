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
        await Leftovers.RemoveAsync(node, _problems);
        EndOrphans();
        CollectImages();
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
            node.Index.Add(new LiveSandbox(record, node.SandboxRecords) { IsRestored = true });
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
                    await StopToTheEndAsync(sandbox);
                    break;
            }
        }
        catch (Exception e) when (e is SandboxException or Linux.LinuxException or IOException or Hosting.CriException or Network.CniException)
        {
            // One pod that cannot be put right must not keep the others from their daemon.
            _problems.Add($"The pod {sandbox.Id} could not be taken over: {e.Message}");
        }
    }

    /// <summary>The daemon died within RunPodSandbox. Its caller will retry, and get a new pod.</summary>
    private async Task RollBackAsync(LiveSandbox sandbox)
    {
        sandbox.Link = await SandboxLink.FindAsync(node, sandbox.Id, identity: null);
        sandbox.NetworkNamespace = await Leftovers.NetworkNamespaceOfAsync(sandbox.Link);
        if (!await SandboxRollBack.RunAsync(node, sandbox))
        {
            _problems.Add($"The pod {sandbox.Id}, which was never ready, could not be taken apart whole; this is tried again.");
        }
    }

    /// <summary>The daemon may have died within StopPodSandbox.</summary>
    private async Task StopToTheEndAsync(LiveSandbox sandbox)
    {
        sandbox.Link = sandbox.Record.Process is { } process ? await SandboxLink.FindAsync(node, sandbox.Id, process) : null;
        sandbox.NetworkNamespace = await Leftovers.NetworkNamespaceOfAsync(sandbox.Link);
        await SandboxCleanup.StopAsync(node, sandbox, sandbox.Record.Problem);
    }

    private async Task ReattachAsync(LiveSandbox sandbox)
    {
        if (await SandboxLink.FindAsync(node, sandbox.Id, sandbox.Record.Process) is not { } link)
        {
            await SandboxCleanup.StopAsync(node, sandbox, "The pod's process ended while the daemon was away.");
            return;
        }

        sandbox.Link = link;
        try
        {
            SandboxWatch.Begin(node, sandbox, link, await SandboxSync.RunAsync(node, sandbox, link));
        }
        catch (SandboxException e)
        {
            // It lives and does not answer now. Its containers are left in peace, and the watch goes on asking.
            _problems.Add($"The process {link.Identity.Pid} of the pod {sandbox.Id} does not answer: {e.Message}");
            SandboxWatch.Begin(node, sandbox, link, afterSequence: null);
        }
    }

    // Only now is it known which layers containers use.
    private void CollectImages()
    {
        foreach (var damaged in node.Images.Damaged)
        {
            _problems.Add($"A part of the image store was set aside as {damaged.Path}: {damaged.Reason}");
        }

        try
        {
            node.Images.Collect();
        }
        catch (Linux.LinuxException e)
        {
            _problems.Add($"Unused image layers could not be removed: {e.Message}");
        }
    }

    // The pod's record was lost, and its process has been ended: the container is reported until somebody removes it.
    private void EndOrphans()
    {
        foreach (var container in node.Index.Containers.Where(c => node.Index.SandboxOf(c) is null))
        {
            container.Change(r => ContainerExits.Ended(
                r, ContainerExits.Unknown(r, ExitReason.SandboxDied, $"The record of its pod {r.SandboxId} was lost.")));
            try
            {
                SandboxCgroups.RemovePod(node, container.Record.SandboxId, Path.GetDirectoryName(container.Record.Spec.CgroupPath));
            }
            catch (IOException e)
            {
                _problems.Add(e.Message);
            }
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
