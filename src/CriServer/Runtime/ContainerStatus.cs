using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Answers from memory.</summary>
    public override Task<ContainerStatusResponse> ContainerStatus(ContainerStatusRequest request, ServerCallContext context)
    {
        var record = FindContainer(request.ContainerId).Record;
        var response = new ContainerStatusResponse { Status = ContainerView.Status(record) };
        if (request.Verbose)
        {
            response.Info["info"] = ContainerView.Info(record);
        }

        return Task.FromResult(response);
    }
}
