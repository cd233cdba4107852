using System.Text.Json;
using Crisp.Cri.V1;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Sandboxes;

/// <summary>A pod's record in CRI's words.</summary>
public static class SandboxView
{
    public static PodSandboxState StateOf(SandboxRecord record)
        => record.Stage == SandboxStage.Ready ? PodSandboxState.SandboxReady : PodSandboxState.SandboxNotready;

    public static PodSandbox ListItem(SandboxRecord record)
    {
        var item = new PodSandbox
        {
            Id = record.Id,
            Metadata = Metadata(record),
            State = StateOf(record),
            CreatedAt = record.CreatedAt,
            RuntimeHandler = record.RuntimeHandler,
        };
        item.Labels.Add(record.Labels.ToDictionary());
        item.Annotations.Add(record.Annotations.ToDictionary());
        return item;
    }

    public static PodSandboxStatus Status(SandboxRecord record)
    {
        var status = new PodSandboxStatus
        {
            Id = record.Id,
            Metadata = Metadata(record),
            State = StateOf(record),
            CreatedAt = record.CreatedAt,
            Network = Network(record),
            Linux = new LinuxPodSandboxStatus { Namespaces = new Namespace { Options = Options(record) } },
            RuntimeHandler = record.RuntimeHandler,
        };
        status.Labels.Add(record.Labels.ToDictionary());
        status.Annotations.Add(record.Annotations.ToDictionary());
        return status;
    }

    /// <summary>For people and for crictl inspectp: JSON, where pid is the pod's own process.</summary>
    public static string Info(Node node, LiveSandbox sandbox)
    {
        var record = sandbox.Record;
        return JsonSerializer.Serialize(
            new SandboxInfo
            {
                Pid = sandbox.Link?.Identity.Pid ?? 0,
                Stage = record.Stage,
                Problem = record.Problem,
                RunDirectory = node.SandboxRunDirectory(record.Id),
                CgroupPath = record.Spec.CgroupPath,
                Namespaces = sandbox.Link?.Namespaces ?? new Dictionary<string, string>(),
                CniResult = record.Spec.NetworkNamespace ? node.Network.ResultOf(record.Id) : null,
                Resources = record.Resources,
                RuntimeSpec = record.Spec,
            },
            InfoJson.Default.SandboxInfo);
    }

    private static PodSandboxNetworkStatus Network(SandboxRecord record)
    {
        var network = new PodSandboxNetworkStatus { Ip = record.Addresses is [var primary, ..] ? primary : "" };
        network.AdditionalIps.AddRange(record.Addresses.Skip(1).Select(ip => new PodIP { Ip = ip }));
        return network;
    }

    internal static PodSandboxMetadata Metadata(SandboxRecord record) => new()
    {
        Name = record.Metadata.Name,
        Uid = record.Metadata.Uid,
        Namespace = record.Metadata.Namespace,
        Attempt = record.Metadata.Attempt,
    };

    private static NamespaceOption Options(SandboxRecord record)
    {
        var modes = record.Namespaces;
        var options = new NamespaceOption { Network = modes.Network, Pid = modes.Pid, Ipc = modes.Ipc, TargetId = modes.TargetId };
        if (modes.User is { } user)
        {
            options.UsernsOptions = new UserNamespace { Mode = user };
            options.UsernsOptions.Uids.AddRange(record.Spec.UidMappings.Select(Mapping));
            options.UsernsOptions.Gids.AddRange(record.Spec.GidMappings.Select(Mapping));
        }

        return options;
    }

    internal static IDMapping Mapping(IdMapSpec map) => new() { ContainerId = map.ContainerId, HostId = map.HostId, Length = map.Length };
}
