using Crisp.Cri.V1;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;

namespace Crisp.CriServer.Containers;

/// <summary>CRI Mount to its record and back, unaltered: status shows what was asked for.</summary>
internal static class MountRecords
{
    public static MountRecord From(Mount mount) => new()
    {
        ContainerPath = mount.ContainerPath,
        HostPath = mount.HostPath,
        Readonly = mount.Readonly,
        RecursiveReadOnly = mount.RecursiveReadOnly,
        SelinuxRelabel = mount.SelinuxRelabel,
        Propagation = mount.Propagation.ToString(),
        UidMappings = IdMappings.From(mount.UidMappings, mount.ContainerPath),
        GidMappings = IdMappings.From(mount.GidMappings, mount.ContainerPath),
        MountOptions = [.. mount.MountOptions],
    };

    public static Mount ToCri(MountRecord record)
    {
        var mount = new Mount
        {
            ContainerPath = record.ContainerPath,
            HostPath = record.HostPath,
            Readonly = record.Readonly,
            RecursiveReadOnly = record.RecursiveReadOnly,
            SelinuxRelabel = record.SelinuxRelabel,
            Propagation = Enum.TryParse<MountPropagation>(record.Propagation, out var propagation) ? propagation : default,
        };
        mount.UidMappings.AddRange(record.UidMappings.Select(SandboxView.Mapping));
        mount.GidMappings.AddRange(record.GidMappings.Select(SandboxView.Mapping));
        mount.MountOptions.AddRange(record.MountOptions);
        return mount;
    }
}
