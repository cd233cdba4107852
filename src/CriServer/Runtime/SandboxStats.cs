using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    public override async Task<PodSandboxStatsResponse> PodSandboxStats(PodSandboxStatsRequest request, ServerCallContext context)
    {
        var sandbox = _node.Index.FindSandbox(request.PodSandboxId)
            ?? throw CriException.NotFound($"There is no pod {request.PodSandboxId}.");
        return new PodSandboxStatsResponse
        {
            Stats = await _stats.SandboxAsync(sandbox, context.CancellationToken)
                ?? throw CriException.Precondition($"The pod {sandbox.Id} is not ready: it has no processes to be counted."),
        };
    }
}
