using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>
    /// Takes note of a resize of the whole pod (KEP-5419). The kubelet has changed the pod's cgroup itself, above the one that
    /// holds the containers here: a second limit below it would only have to be kept in step, and whenever it was not, the
    /// containers would get less than they were promised. The record is for handlers that size a pod by it.
    /// </summary>
    public override async Task<UpdatePodSandboxResourcesResponse> UpdatePodSandboxResources(
        UpdatePodSandboxResourcesRequest request, ServerCallContext context)
    {
        var sandbox = _node.Index.FindSandbox(request.PodSandboxId)
            ?? throw CriException.NotFound($"There is no pod {request.PodSandboxId}.");
        var resources = SandboxResourcesOf(request.Resources, request.Overhead);
        await ToTheEnd(() => UpdateAsync(sandbox, resources), context);
        return new UpdatePodSandboxResourcesResponse();
    }

    private async Task UpdateAsync(LiveSandbox sandbox, SandboxResources resources)
    {
        await sandbox.Gate.WaitAsync();
        try
        {
            if (sandbox.Record.Stage != SandboxStage.Ready)
            {
                throw CriException.Precondition($"The pod {sandbox.Id} is not ready; its resources mean nothing any more.");
            }

            CheckMachine(sandbox.Record, resources);
            sandbox.Change(r => r with { Resources = resources });
        }
        finally
        {
            sandbox.Gate.Release();
        }
    }

    /// <summary>A machine keeps its size; what is less than it is the guest's containers' to keep to.</summary>
    private void CheckMachine(SandboxRecord record, SandboxResources resources)
    {
        if (record.Spec.Vm is { } machine && _node.Handlers.MachineOf(record.RuntimeHandler) is { } runtime
            && MachineSize.Of(runtime, resources, Environment.ProcessorCount) is var wanted && !wanted.Fits(machine))
        {
            throw CriException.Precondition(
                $"The pod {record.Id} is a virtual machine of {new MachineSize(machine.Vcpus, machine.MemoryBytes)} and would need {wanted}: "
                + "a running machine does not grow. Make the pod anew.");
        }
    }

    private static SandboxResources SandboxResourcesOf(LinuxContainerResources? containers, LinuxContainerResources? overhead)
        => new(ResourceLimits.From(containers, swapLimits: false), ResourceLimits.From(overhead, swapLimits: false));
}
