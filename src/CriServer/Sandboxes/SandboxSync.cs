using Crisp.CriServer.Containers;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Sandboxes;

/// <summary>Brings a pod's records to what its process says: after a restart of the daemon, and after a broken connection.</summary>
internal static class SandboxSync
{
    /// <returns>The number of the newest event that is in the records now.</returns>
    /// <exception cref="SandboxException">The process does not answer.</exception>
    public static async Task<ulong> RunAsync(Node node, LiveSandbox sandbox, SandboxLink link)
    {
        var state = await link.Client.StateAsync();
        link.Learn(state.Namespaces);
        sandbox.NetworkNamespace ??= link.OpenNetworkNamespace();
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

        EndForgotten(node, sandbox, [.. state.Containers.Select(c => c.Id)]);
        return state.EventSequence;
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

    // A record whose container the pod's process does not know: it was removed there, and the daemon died before the record.
    private static void EndForgotten(Node node, LiveSandbox sandbox, HashSet<string> known)
    {
        foreach (var container in sandbox.Containers.Values.Where(c => !known.Contains(c.Id) && c.Record.Stage != ContainerStage.Exited))
        {
            container.Change(r => Ended(r, ExitFiles.Read(node.SandboxRunDirectory(sandbox.Id), container.Id)));
        }
    }

    private static ContainerRecord Ended(ContainerRecord record, ExitInfo? exit) => ContainerExits.Ended(
        record,
        exit is null
            ? ContainerExits.Unknown(record, ExitReason.SandboxDied, "The pod's process knows of no exit code.")
            : ContainerExits.From(exit, record));
}
