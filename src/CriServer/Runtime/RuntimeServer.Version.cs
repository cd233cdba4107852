using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>The kubelet refuses a runtime whose version is not the one of its own API, which has been 0.1.0 for ever.</summary>
    public override Task<VersionResponse> Version(VersionRequest request, ServerCallContext context) =>
        Task.FromResult(new VersionResponse
        {
            Version = "0.1.0",
            RuntimeName = "crisp",
            RuntimeVersion = CrispVersion.Text,
            RuntimeApiVersion = "v1",
        });
}
