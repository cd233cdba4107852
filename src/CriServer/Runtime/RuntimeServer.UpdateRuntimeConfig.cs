using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.Network;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>
    /// The kubelet tells the node's pod CIDRs. They are the network plugin's business, which has them from the API server; they
    /// are checked and logged, so that whoever looks for the reason of a strange address finds them.
    /// </summary>
    public override Task<UpdateRuntimeConfigResponse> UpdateRuntimeConfig(UpdateRuntimeConfigRequest request, ServerCallContext context)
    {
        var cidrs = request.RuntimeConfig?.NetworkConfig?.PodCidr ?? "";
        foreach (var cidr in cidrs.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!CniAddress.TryParse(cidr, out _))
            {
                throw CriException.Invalid($"The pod CIDR \"{cidr}\" is not of the form 10.1.0.0/16.");
            }
        }

        Log.PodCidr(_node.Logger, cidrs);
        return Task.FromResult(new UpdateRuntimeConfigResponse());
    }
}
