using Crisp.Cri.V1;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Kills every process of the pod. Idempotent, also for a pod that is gone.</summary>
    public override async Task<StopPodSandboxResponse> StopPodSandbox(StopPodSandboxRequest request, ServerCallContext context)
    {
        if (_node.Index.FindSandbox(request.PodSandboxId) is { } sandbox)
        {
            await ToTheEnd(() => StopAsync(sandbox), context);
        }

        return new StopPodSandboxResponse();
    }

    private async Task StopAsync(LiveSandbox sandbox)
    {
        sandbox.MarkAnswered();
        await sandbox.Gate.WaitAsync();
        try
        {
            if (!sandbox.Removed && !SandboxCleanup.IsStopped(_node, sandbox))
            {
                await SandboxCleanup.StopAsync(_node, sandbox, problem: null);
            }
        }
        finally
        {
            sandbox.Gate.Release();
        }
    }
}
