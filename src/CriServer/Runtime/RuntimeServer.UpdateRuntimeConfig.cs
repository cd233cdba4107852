using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>The pod CIDR, which only runtimes need that write CNI configurations of their own.</summary>
    public override Task<UpdateRuntimeConfigResponse> UpdateRuntimeConfig(UpdateRuntimeConfigRequest request, ServerCallContext context)
        => Task.FromResult(new UpdateRuntimeConfigResponse());
}
