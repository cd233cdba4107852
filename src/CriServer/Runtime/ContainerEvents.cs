using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>
    /// Every event from now on, until the client goes. One that does not read is dropped with RESOURCE_EXHAUSTED; the daemon
    /// waits for nobody and keeps a bounded number of events for each.
    /// </summary>
    public override async Task GetContainerEvents(
        GetEventsRequest request, IServerStreamWriter<ContainerEventResponse> responseStream, ServerCallContext context)
    {
        var subscription = _node.Events.Subscribe();
        try
        {
            // The headers tell the client that from here on it misses nothing.
            await context.WriteResponseHeadersAsync([]);
            await foreach (var one in subscription.ReadAsync(context.CancellationToken))
            {
                await await Task.WhenAny(responseStream.WriteAsync(one, context.CancellationToken), subscription.Ended);
            }
        }
        finally
        {
            _node.Events.Unsubscribe(subscription);
        }
    }
}
