using System.Text.Json;
using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Sandboxes;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Without a network NetworkReady is false, and pods with the node's network run: so do the network's own pods start.</summary>
    public override async Task<StatusResponse> Status(StatusRequest request, ServerCallContext context)
    {
        var (networkReady, message) = await _node.Network.StatusAsync();
        var response = new StatusResponse
        {
            Status = new RuntimeStatus
            {
                Conditions =
                {
                    new RuntimeCondition { Type = "RuntimeReady", Status = true },
                    new RuntimeCondition
                    {
                        Type = "NetworkReady",
                        Status = networkReady,
                        Reason = networkReady ? "" : "NetworkPluginNotReady",
                        Message = message,
                    },
                },
            },
            // The default handler's name is empty. A feature is true once a container can have it.
            RuntimeHandlers = { RuntimeHandlers.Names.Select(name => new RuntimeHandler { Name = name, Features = HandlerFeatures }) },
            Features = new RuntimeFeatures { SupplementalGroupsPolicy = true, UserNamespacesHostNetwork = _node.Facts.UserNamespaces, MountOptions = true },
        };
        if (request.Verbose)
        {
            response.Info.Add("config", JsonSerializer.Serialize(_config, ConfigJson.Default.CrispConfig));
        }

        return response;
    }

    private RuntimeHandlerFeatures HandlerFeatures => new() { RecursiveReadOnlyMounts = true, UserNamespaces = _node.Facts.UserNamespaces };
}
