using Crisp.Cri.V1;
using Crisp.CriServer.Checkpoints;
using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

/// <summary>
/// CRI's three calls on checkpoints. What is not here answers UNIMPLEMENTED: the kubelet asks once, hears it, and says so to its
/// caller.
/// </summary>
public sealed partial class RuntimeServer
{
    /// <summary>When the request says 0, CRI's "default of the runtime".</summary>
    private static readonly TimeSpan s_checkpointTimeout = TimeSpan.FromMinutes(2);

    /// <summary>By criu, where the configuration names one. The container is not held up: who stops it meanwhile makes this fail.</summary>
    public override async Task<CheckpointContainerResponse> CheckpointContainer(CheckpointContainerRequest request, ServerCallContext context)
    {
        if (_node.Config.Criu is not { } criu)
        {
            throw CriException.Unimplemented(
                $"The container {request.ContainerId} cannot be checkpointed: checkpoints are off. The option checkpoint.criu, the path of criu(8), switches them on.");
        }

        var container = FindContainer(request.ContainerId);
        var sandbox = _node.Index.SandboxOf(container) ?? throw CriException.Precondition($"The pod of the container {container.Id} is being removed.");
        var timeout = request.Timeout > 0 ? TimeSpan.FromSeconds(request.Timeout) : s_checkpointTimeout;
        await ToTheEnd(
            () => ContainerCheckpoint.WriteAsync(
                criu, container.Record, sandbox.Record, _node.DirectoriesOf(container.Id).Checkpoint(), request.Location, timeout),
            context);
        return new CheckpointContainerResponse();
    }

    public override Task<CheckpointPodResponse> CheckpointPod(CheckpointPodRequest request, ServerCallContext context)
        => throw CriException.Unimplemented(
            $"The pod {request.PodSandboxId} cannot be checkpointed: this version writes no checkpoints of pods.");

    public override Task<RestorePodResponse> RestorePod(RestorePodRequest request, ServerCallContext context)
        => throw CriException.Unimplemented("No pod can be restored: this version reads no checkpoints.");
}
