using System.Text.Json;
using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;
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
            RuntimeHandlers = { _node.Handlers.Names.Select(name => new RuntimeHandler { Name = name, Features = FeaturesOf(name) }) },
            Features = new RuntimeFeatures { SupplementalGroupsPolicy = true, UserNamespacesHostNetwork = _node.Facts.UserNamespaces, MountOptions = true },
        };
        response.Status.Conditions.Add(_node.Handlers.Machines.Select(HandlerCondition));
        if (request.Verbose)
        {
            response.Info.Add("config", JsonSerializer.Serialize(_config.Current, ConfigJson.Default.CrispConfig));
        }

        return response;
    }

    /// <summary>CRI's RuntimeHandler has no room for it, and clients pass over conditions that they do not know.</summary>
    private RuntimeCondition HandlerCondition(Configuration.RuntimeConfig runtime)
    {
        var problem = _node.Handlers.ProblemOf(runtime);
        return new RuntimeCondition
        {
            Type = $"RuntimeHandlerReady/{runtime.Name}",
            Status = problem is null,
            Reason = problem is null ? "" : "VirtualMachinesCannotRun",
            Message = problem ?? "",
        };
    }

    // The users of a machine are not the node's: there is nothing to map.
    private RuntimeHandlerFeatures FeaturesOf(string handler) => new()
    {
        RecursiveReadOnlyMounts = true,
        UserNamespaces = _node.Facts.UserNamespaces && _node.Handlers.MachineOf(handler) is null,
    };
}
