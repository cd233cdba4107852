using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Containers;

/// <summary>
/// Processes first, then the record, then the files: no process outlives its record, and files without one are removed at
/// the next start.
/// </summary>
internal static class ContainerRemoval
{
    /// <summary>The caller holds the container's gate, or the pod is gone.</summary>
    public static async Task RunAsync(Node node, LiveContainer container)
    {
        if (node.Index.SandboxOf(container)?.Link is { } link)
        {
            try
            {
                var exit = await link.Client.DeleteContainerAsync(container.Id);
                if (container.Record.Stage == ContainerStage.Running)
                {
                    // It was killed right now: those who listen hear how it ended before they hear that it is gone.
                    container.Change(r => ContainerExits.Ended(r, exit is null
                        ? ContainerExits.Unknown(r, ExitReason.Error, "It was removed while it was running.")
                        : ContainerExits.From(exit, r)));
                }
            }
            catch (SandboxException e) when (e.Code is RpcCode.NotFound or RpcCode.Unavailable)
            {
                // Not known there, or the pod's process has died: then its cgroup has been killed.
            }
        }

        Failpoint.Hit(FailpointName.ContainerDeleted);
        container.Delete();
        node.Index.Remove(container);
        Failpoint.Hit(FailpointName.ContainerRemoved);
        var directories = node.DirectoriesOf(container.Id);
        if (container.Record.LayerQuota is not null)
        {
            node.LayerQuotas.Release(directories);
        }

        TreeRemoval.Remove(directories.Path);
        node.Images.Collect();
    }
}
