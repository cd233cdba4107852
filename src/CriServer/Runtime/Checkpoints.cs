using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

/// <summary>CRI's three calls on checkpoints. The kubelet asks once, hears UNIMPLEMENTED, and says so to its caller.</summary>
public sealed partial class RuntimeServer
{
    public override Task<CheckpointContainerResponse> CheckpointContainer(CheckpointContainerRequest request, ServerCallContext context)
        => throw CriException.Unimplemented(
            $"The container {request.ContainerId} cannot be checkpointed: this version writes no checkpoints of containers.");

    public override Task<CheckpointPodResponse> CheckpointPod(CheckpointPodRequest request, ServerCallContext context)
        => throw CriException.Unimplemented(
            $"The pod {request.PodSandboxId} cannot be checkpointed: this version writes no checkpoints of pods.");

    public override Task<RestorePodResponse> RestorePod(RestorePodRequest request, ServerCallContext context)
        => throw CriException.Unimplemented("No pod can be restored: this version reads no checkpoints.");
}
