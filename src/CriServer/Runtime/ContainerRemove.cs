using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Kills the container where it runs, and removes it. Idempotent, also for one that is gone.</summary>
    public override async Task<RemoveContainerResponse> RemoveContainer(RemoveContainerRequest request, ServerCallContext context)
    {
        if (_node.Index.FindContainer(request.ContainerId) is { } container)
        {
            await ToTheEnd(() => RemoveAsync(container), context);
        }

        return new RemoveContainerResponse();
    }

    private async Task RemoveAsync(LiveContainer container)
    {
        await container.Gate.WaitAsync();
        try
        {
            if (!container.Removed)
            {
                await ContainerRemoval.RunAsync(_node, container);
            }
        }
        finally
        {
            container.Gate.Release();
        }
    }
}
