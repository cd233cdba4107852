using Crisp.Cgroups;
using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Answers from memory, but for the limits of a container that has a cgroup: those are read there.</summary>
    public override Task<ContainerStatusResponse> ContainerStatus(ContainerStatusRequest request, ServerCallContext context)
    {
        var container = FindContainer(request.ContainerId);
        var record = container.Record;
        var response = new ContainerStatusResponse { Status = ContainerView.Status(record) };
        if (record.Stage is ContainerStage.Created or ContainerStage.Running)
        {
            var held = _node.Cgroups.Open(CgroupPath.Parse(record.Spec.CgroupPath)).ReadLimits();
            response.Status.Resources.Linux = ResourceLimits.ToCri(HeldResources.Of(record.Spec.Resources, held), record.Spec.Process.OomScoreAdj);
        }

        if (request.Verbose)
        {
            response.Info["info"] = ContainerView.Info(record, isMachine: _node.Index.SandboxOf(container)?.Record.Spec.Vm is not null);
        }

        return Task.FromResult(response);
    }
}
