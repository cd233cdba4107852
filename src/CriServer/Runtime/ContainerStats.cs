using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>One container. Where it does not run, its writable layer is all there is.</summary>
    public override async Task<ContainerStatsResponse> ContainerStats(ContainerStatsRequest request, ServerCallContext context)
        => new() { Stats = await _stats.ContainerAsync(FindContainer(request.ContainerId), context.CancellationToken) };
}
