using Crisp.Cri.V1;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Ready pods only.</summary>
    public override async Task<ListPodSandboxStatsResponse> ListPodSandboxStats(ListPodSandboxStatsRequest request, ServerCallContext context)
    {
        var response = new ListPodSandboxStatsResponse();
        response.Stats.AddRange(await StatsOf(SandboxesThat(request.Filter), context));
        return response;
    }

    /// <summary>Each ready pod once, in messages of at least one.</summary>
    public override async Task StreamPodSandboxStats(
        StreamPodSandboxStatsRequest request, IServerStreamWriter<StreamPodSandboxStatsResponse> responseStream, ServerCallContext context)
    {
        foreach (var batch in SandboxesThat(request.Filter).ToList().Chunk(StreamBatch))
        {
            var message = new StreamPodSandboxStatsResponse();
            message.PodSandboxStats.AddRange(await StatsOf(batch, context));
            if (message.PodSandboxStats.Count > 0)
            {
                await responseStream.WriteAsync(message, context.CancellationToken);
            }
        }
    }

    private async Task<IEnumerable<PodSandboxStats>> StatsOf(IEnumerable<LiveSandbox> sandboxes, ServerCallContext context)
        => (await Task.WhenAll(sandboxes.Select(s => _stats.SandboxAsync(s, context.CancellationToken)))).OfType<PodSandboxStats>();

    private IEnumerable<LiveSandbox> SandboxesThat(PodSandboxStatsFilter? filter) => filter is null
        ? _node.Index.Sandboxes
        : _node.Index.Sandboxes.Where(s => s.Record is var r
            && r.Id.StartsWith(filter.Id, StringComparison.Ordinal)
            && Labels.Match(filter.LabelSelector, r.Labels));
}
