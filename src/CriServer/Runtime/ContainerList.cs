using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    public override Task<ListContainersResponse> ListContainers(ListContainersRequest request, ServerCallContext context)
    {
        var response = new ListContainersResponse();
        response.Containers.AddRange(ContainersThat(request.Filter).Select(ContainerView.ListItem));
        return Task.FromResult(response);
    }

    /// <summary>Each container once, in messages of at least one.</summary>
    public override async Task StreamContainers(
        StreamContainersRequest request, IServerStreamWriter<StreamContainersResponse> responseStream, ServerCallContext context)
    {
        foreach (var batch in ContainersThat(request.Filter).ToList().Chunk(StreamBatch))
        {
            var message = new StreamContainersResponse();
            message.Containers.AddRange(batch.Select(ContainerView.ListItem));
            await responseStream.WriteAsync(message, context.CancellationToken);
        }
    }

    private IEnumerable<ContainerRecord> ContainersThat(ContainerFilter? filter)
    {
        var all = _node.Index.Containers.Select(c => c.Record);
        return filter is null
            ? all
            : all.Where(r => r.Id.StartsWith(filter.Id, StringComparison.Ordinal)
                && r.SandboxId.StartsWith(filter.PodSandboxId, StringComparison.Ordinal)
                && (filter.State is null || ContainerView.StateOf(r) == filter.State.State)
                && Labels.Match(filter.LabelSelector, r.Labels));
    }
}
