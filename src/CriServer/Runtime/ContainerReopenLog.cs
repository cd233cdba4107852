using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>After a rotation: from the answer on, every line goes to a new file under the old name.</summary>
    public override async Task<ReopenContainerLogResponse> ReopenContainerLog(ReopenContainerLogRequest request, ServerCallContext context)
    {
        var container = FindContainer(request.ContainerId);
        if (container.Record.Stage != ContainerStage.Running)
        {
            throw CriException.Precondition($"The container {container.Id} is not running, so it has no log to reopen.");
        }

        await LinkOf(container).Client.ReopenLogAsync(container.Id, context.CancellationToken);
        return new ReopenContainerLogResponse();
    }
}
