using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Sandboxes;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Answers from memory, with the statuses of the containers for the evented kubelet.</summary>
    public override Task<PodSandboxStatusResponse> PodSandboxStatus(PodSandboxStatusRequest request, ServerCallContext context)
    {
        var sandbox = _node.Index.FindSandbox(request.PodSandboxId)
            ?? throw CriException.NotFound($"There is no pod {request.PodSandboxId}.");
        var response = new PodSandboxStatusResponse
        {
            Status = SandboxView.Status(sandbox.Record),
            Timestamp = Node.Now(),
        };
        response.ContainersStatuses.AddRange(
            sandbox.Containers.Values.OrderBy(c => c.Record.CreatedAt).Select(c => Containers.ContainerView.Status(c.Record)));
        if (request.Verbose)
        {
            response.Info["info"] = SandboxView.Info(_node, sandbox);
        }

        return Task.FromResult(response);
    }
}
