using Crisp.Cri.V1;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    public override async Task<ListContainerStatsResponse> ListContainerStats(ListContainerStatsRequest request, ServerCallContext context)
    {
        var response = new ListContainerStatsResponse();
        response.Stats.AddRange(await Task.WhenAll(
            ContainersThat(request.Filter).Select(c => _stats.ContainerAsync(c, context.CancellationToken))));
        return response;
    }

    /// <summary>Each container once, in messages of at least one.</summary>
    public override async Task StreamContainerStats(
        StreamContainerStatsRequest request, IServerStreamWriter<StreamContainerStatsResponse> responseStream, ServerCallContext context)
    {
        foreach (var batch in ContainersThat(request.Filter).ToList().Chunk(StreamBatch))
        {
            var message = new StreamContainerStatsResponse();
            message.ContainerStats.AddRange(await Task.WhenAll(batch.Select(c => _stats.ContainerAsync(c, context.CancellationToken))));
            await responseStream.WriteAsync(message, context.CancellationToken);
        }
    }

    private IEnumerable<LiveContainer> ContainersThat(ContainerStatsFilter? filter) => filter is null
        ? _node.Index.Containers
        : _node.Index.Containers.Where(c => c.Record is var r
            && r.Id.StartsWith(filter.Id, StringComparison.Ordinal)
            && r.SandboxId.StartsWith(filter.PodSandboxId, StringComparison.Ordinal)
            && Labels.Match(filter.LabelSelector, r.Labels));
}
