using Crisp.CriServer.Containers;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Sandboxes;

/// <summary>Follows one pod: its containers' exits by the pod process's events, and the end of that process by its pidfd.</summary>
internal static partial class SandboxWatch
{
    private static readonly TimeSpan _reconnectDelay = TimeSpan.FromMilliseconds(200);

    /// <param name="afterSequence">The newest event that is in the records already; null when the records are behind.</param>
    public static void Begin(Node node, LiveSandbox sandbox, SandboxLink link, ulong? afterSequence)
    {
        node.Watcher.Add(link.Pidfd, () => _ = ProcessEndedAsync(node, sandbox, link));
        _ = Task.Run(() => FollowAsync(node, sandbox, link, afterSequence));
    }

    /// <summary>Brings a container's record to what the pod's process says of it.</summary>
    public static async Task TakeExitAsync(LiveContainer container, ExitInfo exit)
    {
        // StartContainer holds the gate until the record says Running: an end that overtakes it waits here.
        await container.Gate.WaitAsync();
        try
        {
            container.Change(r => ContainerExits.Ended(r, ContainerExits.From(exit, r)));
            Failpoint.Hit(FailpointName.ContainerExited);
        }
        finally
        {
            container.Gate.Release();
        }
    }

    private static async Task FollowAsync(Node node, LiveSandbox sandbox, SandboxLink link, ulong? after)
    {
        while (ReferenceEquals(sandbox.Link, link) && !link.HasEnded)
        {
            try
            {
                if (!link.IsConnected || after is null)
                {
                    after = await link.TryConnectAsync() ? await SandboxSync.RunAsync(node, sandbox, link) : null;
                }

                foreach (var one in after is { } last ? await link.Client.EventsAsync(last) : [])
                {
                    after = one.Sequence;
                    if (one.ContainerExited is { ExecId.Length: 0 } exited && sandbox.Containers.TryGetValue(exited.ContainerId, out var container))
                    {
                        _ = RecordExitAsync(node, container, exited.Exit);
                    }
                }
            }
            catch (Exception e) when (e is SandboxException or ObjectDisposedException or Linux.LinuxException)
            {
                // The process ends, the pod was stopped, or only the connection has broken: the next turn tells them apart.
                if (ReferenceEquals(sandbox.Link, link) && !link.HasEnded)
                {
                    Log.ConnectionBroken(node.Logger, sandbox.Id, e.Message);
                }
            }

            if (!link.IsConnected || after is null)
            {
                await Task.Delay(_reconnectDelay);
            }
        }
    }

    private static async Task RecordExitAsync(Node node, LiveContainer container, ExitInfo exit)
    {
        try
        {
            await TakeExitAsync(container, exit);
        }
        catch (Linux.LinuxException e)
        {
            // A full disk: the pod's process keeps the exit, and the next start of the daemon reads it from there.
            Log.ExitNotRecorded(node.Logger, container.Id, e.Message);
        }
    }

    private static async Task ProcessEndedAsync(Node node, LiveSandbox sandbox, SandboxLink link)
    {
        // At once, before any lock: what the dead process watched over is nobody's now.
        if (ReferenceEquals(sandbox.Link, link))
        {
            SandboxCgroups.KillPod(node, sandbox.Record);
        }

        await sandbox.Gate.WaitAsync();
        try
        {
            // Whoever stopped the pod has taken the link away before.
            if (ReferenceEquals(sandbox.Link, link))
            {
                Log.ProcessDied(node.Logger, sandbox.Id, link.Identity.Pid);
                await SandboxCleanup.StopAsync(node, sandbox, "The pod's process ended unexpectedly.");
            }
        }
        catch (Exception e) when (e is Linux.LinuxException or IOException or Network.CniException)
        {
            // The pod stays as it is: StopPodSandbox, or the next start of the daemon, does the rest.
            Log.CleanupFailed(node.Logger, sandbox.Id, e.Message);
        }
        finally
        {
            sandbox.Gate.Release();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(10, LogLevel.Warning, "The process {Pid} of the pod {Id} ended unexpectedly; the pod is taken down", EventName = "SandboxDied")]
        public static partial void ProcessDied(ILogger logger, string id, int pid);

        [LoggerMessage(11, LogLevel.Warning, "The connection to the pod {Id} broke and is made anew: {Reason}", EventName = "ConnectionBroken")]
        public static partial void ConnectionBroken(ILogger logger, string id, string reason);

        [LoggerMessage(12, LogLevel.Error, "The end of the container {Id} could not be recorded: {Reason}", EventName = "ExitNotRecorded")]
        public static partial void ExitNotRecorded(ILogger logger, string id, string reason);

        [LoggerMessage(13, LogLevel.Error, "The pod {Id} could not be taken down whole: {Reason}", EventName = "CleanupFailed")]
        public static partial void CleanupFailed(ILogger logger, string id, string reason);
    }
}
