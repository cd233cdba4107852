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

    /// <summary>A limit beyond the pod's machine would promise what is not there.</summary>
    private void CheckMachine(LiveContainer container, Crisp.Sandbox.Spec.ResourcesSpec update)
    {
        if (_node.Index.SandboxOf(container)?.Record.Spec.Vm is { } machine && update.MemoryLimit > machine.MemoryBytes)
        {
            throw CriException.Precondition(
                $"The container {container.Id} is in a virtual machine of {machine.MemoryBytes >> 20} MiB, and would be allowed {update.MemoryLimit >> 20} MiB: "
                + "a running machine does not grow. Make the pod anew.");
        }
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

            CheckMachine(container, update);
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
