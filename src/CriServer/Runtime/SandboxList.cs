using Crisp.Cri.V1;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    // Far below the 4 MiB that gRPC clients take in one message, whatever labels and annotations pods have.
    private const int StreamBatch = 50;

    public override Task<ListPodSandboxResponse> ListPodSandbox(ListPodSandboxRequest request, ServerCallContext context)
    {
        var response = new ListPodSandboxResponse();
        response.Items.AddRange(SandboxesThat(request.Filter).Select(SandboxView.ListItem));
        return Task.FromResult(response);
    }

    /// <summary>Each pod once, in messages of at least one.</summary>
    public override async Task StreamPodSandboxes(
        StreamPodSandboxesRequest request, IServerStreamWriter<StreamPodSandboxesResponse> responseStream, ServerCallContext context)
    {
        foreach (var batch in SandboxesThat(request.Filter).ToList().Chunk(StreamBatch))
        {
            var message = new StreamPodSandboxesResponse();
            message.PodSandboxes.AddRange(batch.Select(SandboxView.ListItem));
            await responseStream.WriteAsync(message, context.CancellationToken);
        }
    }

    private IEnumerable<SandboxRecord> SandboxesThat(PodSandboxFilter? filter)
    {
        var all = _node.Index.Sandboxes.Select(s => s.Record);
        return filter is null
            ? all
            : all.Where(r => r.Id.StartsWith(filter.Id, StringComparison.Ordinal)
                && (filter.State is null || SandboxView.StateOf(r) == filter.State.State)
                && Labels.Match(filter.LabelSelector, r.Labels));
    }
}
