using Crisp.CriServer.Containers;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Linux;
using Crisp.Network;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Sandboxes;

/// <summary>Taking a pod down: the same steps after StopPodSandbox, the death of its process, a failed creation and a restart.</summary>
internal static class SandboxCleanup
{
    private static readonly TimeSpan _endPatience = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Ends every process of the pod and everything that belongs to its processes; the record then says NotReady. The caller
    /// holds the pod's gate. Each step is idempotent, and so is the whole.
    /// </summary>
    /// <param name="problem">Null when the pod was asked to stop; otherwise why it ends.</param>
    /// <exception cref="CniException">The pod is down but could not leave its network: to be called again.</exception>
    public static async Task StopAsync(Node node, LiveSandbox sandbox, string? problem, string reason = ExitReason.SandboxDied)
    {
        // The pod's own process ends last: it holds the namespace, which a daemon that goes on after the death of this one needs for DEL.
        var link = sandbox.Link;
        if (link is { HasEnded: false })
        {
            await EndContainersAsync(link, sandbox);
        }
        else
        {
            SandboxCgroups.RemovePod(node, sandbox.Id, sandbox.Record.Spec.CgroupPath);
        }

        foreach (var container in sandbox.Containers.Values)
        {
            RecordEnd(node, sandbox, container, problem, reason);
        }

        Failpoint.Hit(FailpointName.SandboxContainersStopped);
        if (sandbox.Record.Stage == SandboxStage.Ready)
        {
            // From here on the pod goes down, whoever the daemon is.
            sandbox.Change(r => r with { Stage = SandboxStage.NotReady, Addresses = [], Problem = problem });
        }

        Failpoint.Hit(FailpointName.SandboxNotReady);
        var failure = await LeaveNetworkAsync(node, sandbox);
        if (link is not null)
        {
            await EndProcessAsync(link);
        }

        Failpoint.Hit(FailpointName.SandboxProcessStopped);
        SandboxCgroups.RemovePod(node, sandbox.Id, sandbox.Record.Spec.CgroupPath);
        var run = node.SandboxRunDirectory(sandbox.Id);
        SandboxFiles.UnmountShm(Path.Combine(run, "shm"));
        TreeRemoval.Remove(run);
        if (sandbox.Record is { Stage: SandboxStage.NotReady, Process: not null })
        {
            sandbox.Change(r => r with { Process = null });
        }

        Failpoint.Hit(FailpointName.SandboxCleaned);
        sandbox.Link = null;
        if (link is not null)
        {
            await link.DisposeAsync();
        }

        if (failure is not null)
        {
            // Everything else is gone, and whoever asked must ask again: the address is still leased.
            throw new CniException($"The pod {sandbox.Id} is stopped, but could not leave its network: {failure.Message}", failure);
        }
    }

    /// <summary>Whether there is nothing left to stop.</summary>
    public static bool IsStopped(Node node, LiveSandbox sandbox)
        => sandbox.Record.Stage == SandboxStage.NotReady && sandbox.Link is null && !node.Network.IsAttached(sandbox.Id);

    /// <summary>Stops the pod, then removes its containers, its files and its record. The caller holds the pod's gate.</summary>
    public static async Task RemoveAllAsync(Node node, LiveSandbox sandbox)
    {
        if (!IsStopped(node, sandbox))
        {
            await StopAsync(node, sandbox, problem: null);
        }

        foreach (var container in sandbox.Containers.Values)
        {
            await RemoveContainerAsync(node, container);
        }

        Failpoint.Hit(FailpointName.SandboxContainersRemoved);
        sandbox.Delete();
        node.Index.Remove(sandbox);
        Failpoint.Hit(FailpointName.SandboxRemoved);

        // After the record: a directory without one is removed at the next start.
        TreeRemoval.Remove(node.FilesOf(sandbox.Record).Directory);
        Failpoint.Hit(FailpointName.SandboxFilesRemoved);
    }

    private static async Task RemoveContainerAsync(Node node, LiveContainer container)
    {
        await container.Gate.WaitAsync();
        try
        {
            if (!container.Removed)
            {
                await ContainerRemoval.RunAsync(node, container);
            }
        }
        finally
        {
            container.Gate.Release();
        }
    }

    /// <summary>Kills every process of the pod but its own. What does not end now is for <see cref="EndProcessAsync"/>.</summary>
    private static Task EndContainersAsync(SandboxLink link, LiveSandbox sandbox)
        => Task.WhenAll(sandbox.Containers.Values.Where(c => c.Record.Stage == ContainerStage.Running).Select(async container =>
        {
            using var deadline = new CancellationTokenSource(_endPatience);
            try
            {
                await link.Client.KillAllAsync(container.Id, deadline.Token);
                await link.Client.WaitAsync(container.Id, cancellationToken: deadline.Token);
            }
            catch (Exception e) when (e is SandboxException or OperationCanceledException)
            {
                // It has ended already, or the pod's process does not answer.
            }
        }));

    private static async Task EndProcessAsync(SandboxLink link)
    {
        try
        {
            if (!link.HasEnded)
            {
                await link.Client.ShutdownAsync();
            }
        }
        catch (SandboxException)
        {
            // It is dead or does not answer: what Shutdown would have done, killing its cgroups does.
        }

        if (!await Task.Run(() => link.WaitForEnd(_endPatience)))
        {
            link.Kill();
            await Task.Run(() => link.WaitForEnd(_endPatience));
        }
    }

    /// <summary>A path by which other programs reach a file that this one has open; empty for none.</summary>
    public static string PathOf(FileDescriptor? file) => file is null ? "" : $"/proc/{Environment.ProcessId}/fd/{file.Number}";

    private static async Task<CniException?> LeaveNetworkAsync(Node node, LiveSandbox sandbox)
    {
        if (!sandbox.Record.Spec.NetworkNamespace)
        {
            return null;
        }

        try
        {
            // After a restart the record of a pod that was being made does not tell a reboot, which later ones do.
            var record = sandbox.Record;
            var lost = record.Stage switch
            {
                SandboxStage.Creating => sandbox.IsRestored,
                _ => record.Process is { } process && process.BootId != node.BootId,
            };
            await node.Network.DeleteAsync(sandbox.Id, PathOf(sandbox.NetworkNamespace), lost);
        }
        catch (CniException e)
        {
            return e;
        }

        sandbox.NetworkNamespace?.Dispose();
        sandbox.NetworkNamespace = null;
        return null;
    }

    private static void RecordEnd(Node node, LiveSandbox sandbox, LiveContainer container, string? problem, string reason)
    {
        var record = container.Record;
        if (record.Stage == ContainerStage.Exited)
        {
            return;
        }

        var exit = ExitFiles.Read(node.SandboxRunDirectory(sandbox.Id), container.Id) is { } written
            ? ContainerExits.From(written, record)
            : ContainerExits.Unknown(
                record,
                reason,
                problem ?? (record.Stage == ContainerStage.Created ? "The pod was stopped before the container was started." : "The pod was stopped."));
        container.Change(r => ContainerExits.Ended(r, exit));
    }
}
