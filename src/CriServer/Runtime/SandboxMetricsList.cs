using Crisp.Cri.V1;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    // A container has some sixty metrics of a few hundred bytes each, and gRPC clients take 4 MiB in one message.
    private const int MetricsBatch = 10;

    /// <summary>Ready pods and their running containers.</summary>
    public override async Task<ListPodSandboxMetricsResponse> ListPodSandboxMetrics(ListPodSandboxMetricsRequest request, ServerCallContext context)
    {
        var response = new ListPodSandboxMetricsResponse();
        response.PodMetrics.AddRange(await MetricsOf(_node.Index.Sandboxes, context));
        return response;
    }

    /// <summary>Each ready pod once, in messages of at least one.</summary>
    public override async Task StreamPodSandboxMetrics(
        StreamPodSandboxMetricsRequest request, IServerStreamWriter<StreamPodSandboxMetricsResponse> responseStream, ServerCallContext context)
    {
        foreach (var batch in _node.Index.Sandboxes.ToList().Chunk(MetricsBatch))
        {
            var message = new StreamPodSandboxMetricsResponse();
            message.PodSandboxMetrics.AddRange(await MetricsOf(batch, context));
            if (message.PodSandboxMetrics.Count > 0)
            {
                await responseStream.WriteAsync(message, context.CancellationToken);
            }
        }
    }

    private async Task<IEnumerable<PodSandboxMetrics>> MetricsOf(IEnumerable<LiveSandbox> sandboxes, ServerCallContext context)
        => (await Task.WhenAll(sandboxes.Select(s => _metrics.SandboxAsync(s, context.CancellationToken)))).OfType<PodSandboxMetrics>();
}
