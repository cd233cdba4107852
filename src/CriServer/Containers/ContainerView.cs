using System.Text.Json;
using Crisp.Cri.V1;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

/// <summary>A container's record in CRI's words.</summary>
public static class ContainerView
{
    private static readonly string[] _namespaceKinds = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

    public static ContainerState StateOf(ContainerRecord record) => record.Stage switch
    {
        ContainerStage.Created => ContainerState.ContainerCreated,
        ContainerStage.Running => ContainerState.ContainerRunning,
        _ => ContainerState.ContainerExited,
    };

    public static Container ListItem(ContainerRecord record)
    {
        var item = new Container
        {
            Id = record.Id,
            PodSandboxId = record.SandboxId,
            Metadata = new ContainerMetadata { Name = record.Metadata.Name, Attempt = record.Metadata.Attempt },
            Image = ContainerImages.ToCri(record.Image),
            ImageRef = record.Image.Ref,
            ImageId = record.Image.Id,
            State = StateOf(record),
            CreatedAt = record.CreatedAt,
        };
        item.Labels.Add(record.Labels.ToDictionary());
        item.Annotations.Add(record.Annotations.ToDictionary());
        return item;
    }

    public static ContainerStatus Status(ContainerRecord record)
    {
        var status = new ContainerStatus
        {
            Id = record.Id,
            Metadata = new ContainerMetadata { Name = record.Metadata.Name, Attempt = record.Metadata.Attempt },
            State = StateOf(record),
            CreatedAt = record.CreatedAt,
            StartedAt = record.StartedAt,
            FinishedAt = record.Exit?.FinishedAt ?? 0,
            ExitCode = record.Exit?.Code ?? 0,
            Image = ContainerImages.ToCri(record.Image),
            ImageRef = record.Image.Ref,
            ImageId = record.Image.Id,
            Reason = record.Exit?.Reason ?? "",
            Message = record.Exit?.Message ?? "",
            LogPath = record.LogPath,
            StopSignal = record.StopSignal,
            Resources = new ContainerResources { Linux = ResourceLimits.ToCri(record.Spec.Resources, record.Spec.Process.OomScoreAdj) },
            User = new ContainerUser { Linux = new LinuxContainerUser { Uid = record.User.Uid, Gid = record.User.Gid } },
        };
        status.User.Linux.SupplementalGroups.AddRange(record.User.Groups);
        status.Labels.Add(record.Labels.ToDictionary());
        status.Annotations.Add(record.Annotations.ToDictionary());
        status.Mounts.AddRange(record.Mounts.Select(MountRecords.ToCri));
        return status;
    }

    /// <summary>For people and for crictl inspect: JSON.</summary>
    /// <param name="isMachine">Whether it is in a virtual machine: its process id is then the monitor's, whose namespaces are the node's.</param>
    public static string Info(ContainerRecord record, bool isMachine)
    {
        var overlay = record.Spec.Root.Source as OverlaySource;
        return JsonSerializer.Serialize(
            new ContainerInfo
            {
                SandboxId = record.SandboxId,
                Pid = record.Pid,
                UpperDirectory = overlay?.Upper ?? "",
                WorkDirectory = overlay?.Work ?? "",
                LowerDirectories = overlay?.Lower ?? [],
                LayerQuota = record.LayerQuota,
                Namespaces = record.Pid == 0 || isMachine
                    ? new Dictionary<string, string>()
                    : _namespaceKinds.ToDictionary(kind => kind, kind => NamespaceOf(record.Pid, kind)),
                RuntimeSpec = record.Spec,
            },
            InfoJson.Default.ContainerInfo);
    }

    // net:[4026531840], or empty for a process that has just gone.
    private static string NamespaceOf(int pid, string kind) => new FileInfo($"/proc/{pid}/ns/{kind}").LinkTarget ?? "";
}
