using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.CriServer.Streaming;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>A URL under which connections to ports on the pod's loopback can be made.</summary>
    public override Task<PortForwardResponse> PortForward(PortForwardRequest request, ServerCallContext context)
    {
        var sandbox = _node.Index.FindSandbox(request.PodSandboxId)
            ?? throw CriException.NotFound($"There is no pod {request.PodSandboxId}.");
        if (sandbox.Record.Stage != SandboxStage.Ready)
        {
            throw CriException.Precondition($"The pod {sandbox.Record.Id} is not ready, so that nobody listens in it.");
        }

        if (request.Port.FirstOrDefault(p => p is < 1 or > ushort.MaxValue) is not 0 and var wrong)
        {
            throw CriException.Invalid($"There is no port {wrong}.");
        }

        return Task.FromResult(new PortForwardResponse { Url = _streaming.UrlFor(new PortForwardStreamRequest(sandbox.Record.Id, [.. request.Port])) });
    }
}
