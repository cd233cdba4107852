using Crisp.Cri.V1;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Stops the pod where it is not stopped, and removes it with its containers. Idempotent.</summary>
    public override async Task<RemovePodSandboxResponse> RemovePodSandbox(RemovePodSandboxRequest request, ServerCallContext context)
    {
        if (_node.Index.FindSandbox(request.PodSandboxId) is { } sandbox)
        {
            await ToTheEnd(() => RemoveAsync(sandbox), context);
        }

        return new RemovePodSandboxResponse();
    }

    private async Task RemoveAsync(LiveSandbox sandbox)
    {
        await sandbox.Gate.WaitAsync();
        try
        {
            if (!sandbox.Removed)
            {
                await SandboxCleanup.RemoveAllAsync(_node, sandbox);
            }
        }
        finally
        {
            sandbox.Gate.Release();
        }
    }
}
