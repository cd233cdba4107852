using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Changes the limits of a created or running container; the cgroup first, then the record that Status reads.</summary>
    public override async Task<UpdateContainerResourcesResponse> UpdateContainerResources(
        UpdateContainerResourcesRequest request, ServerCallContext context)
    {
        var container = FindContainer(request.ContainerId);
        var update = ResourceLimits.From(request.Linux, _node.Facts.SwapLimits);
        await ToTheEnd(() => UpdateAsync(container, update), context);
        return new UpdateContainerResourcesResponse();
    }

    private async Task UpdateAsync(LiveContainer container, Crisp.Sandbox.Spec.ResourcesSpec update)
    {
        await container.Gate.WaitAsync();
        try
        {
            if (container.Record.Stage == ContainerStage.Exited)
            {
                throw CriException.Precondition($"The container {container.Id} has ended; its limits mean nothing any more.");
            }

            await LinkOf(container).Client.UpdateAsync(container.Id, update);
            Failpoint.Hit(FailpointName.ContainerUpdated);
            container.Change(r => r with { Spec = r.Spec with { Resources = ResourceLimits.Merge(r.Spec.Resources, update) } });
            Failpoint.Hit(FailpointName.ContainerUpdateRecorded);
        }
        finally
        {
            container.Gate.Release();
        }
    }
}
