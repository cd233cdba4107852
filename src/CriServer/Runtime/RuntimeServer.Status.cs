using System.Text.Json;
using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Sandboxes;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>Without a network plugin NetworkReady is false, which still lets pods with the node's network run.</summary>
    public override Task<StatusResponse> Status(StatusRequest request, ServerCallContext context)
    {
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
                        Status = false,
                        Reason = "NoCni",
                        Message = "This version of crisp has no CNI; pods with the node's network (hostNetwork: true) run.",
                    },
                },
            },
            // The default handler's name is empty. A feature is true once a container can have it.
            RuntimeHandlers = { RuntimeHandlers.Names.Select(name => new RuntimeHandler { Name = name, Features = HandlerFeatures }) },
            Features = new RuntimeFeatures { SupplementalGroupsPolicy = true },
        };
        if (request.Verbose)
        {
            response.Info.Add("config", JsonSerializer.Serialize(config, ConfigJson.Default.CrispConfig));
        }

        return Task.FromResult(response);
    }

    private static RuntimeHandlerFeatures HandlerFeatures => new() { RecursiveReadOnlyMounts = true, UserNamespaces = true };
}
