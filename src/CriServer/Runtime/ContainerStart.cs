using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Grpc.Core;
using StartContainerRequest = Crisp.Cri.V1.StartContainerRequest;
using StartContainerResponse = Crisp.Cri.V1.StartContainerResponse;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Starts a created container. Repeating it for a running one is the retry of a call whose answer was lost.</summary>
    public override async Task<StartContainerResponse> StartContainer(StartContainerRequest request, ServerCallContext context)
    {
        var container = FindContainer(request.ContainerId);
        await ToTheEnd(() => StartAsync(container), context);
        return new StartContainerResponse();
    }

    private async Task StartAsync(LiveContainer container)
    {
        container.MarkAnswered();
        await container.Gate.WaitAsync();
        try
        {
            var record = container.Record;
            if (record.Stage == ContainerStage.Running)
            {
                return;
            }

            if (record.Stage == ContainerStage.Exited || container.Removed)
            {
                throw CriException.Precondition(
                    $"The container {record.Id} has ended ({record.Exit?.Reason ?? "removed"}) and cannot be started again. Make a new one.");
            }

            await LaunchAsync(container, LinkOf(container));
        }
        finally
        {
            container.Gate.Release();
        }
    }

    private static async Task LaunchAsync(LiveContainer container, Sandboxes.SandboxLink link)
    {
        try
        {
            var hooks = TimeSpan.FromSeconds(container.Record.Spec.Hooks.Where(h => h.Phase != HookPhase.Poststop).Sum(h => (long)h.TimeoutSeconds));
            var started = await link.Client.StartContainerAsync(container.Id, hooks);
            Failpoint.Hit(FailpointName.ContainerStarted);
            SetRunning(container, started.Pid, started.StartedAt);
            Failpoint.Hit(FailpointName.ContainerRunning);
        }
        catch (SandboxException e) when (e.Code is not (RpcCode.Unavailable or RpcCode.DeadlineExceeded))
        {
            // A start that timed out may have succeeded after all, and then a second one is refused.
            var state = (await link.Client.StateAsync()).Containers.FirstOrDefault(c => c.Id == container.Id);
            if (state?.Status == ProcessStatus.Running)
            {
                SetRunning(container, state.Pid, state.StartedAt);
                return;
            }

            // CRI has no way back to Created: a container that failed to start has ended, and says why.
            var exit = ContainerExits.StartFailure(e.Message);
            container.Change(r => ContainerExits.Ended(r, exit));
            throw new CriException((StatusCode)(int)e.Code, $"The container {container.Id} cannot be started: {e.Message}", e);
        }
    }

    private static void SetRunning(LiveContainer container, int pid, long startedAt) => container.Change(
        r => r.Stage == ContainerStage.Created ? r with { Stage = ContainerStage.Running, Pid = pid, StartedAt = startedAt } : r);
}
