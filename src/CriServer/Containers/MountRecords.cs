using Crisp.Cri.V1;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.Images;

namespace Crisp.CriServer.Containers;

/// <summary>CRI Mount to its record and back, unaltered: status shows what was asked for.</summary>
internal static class MountRecords
{
    public static MountRecord From(Mount mount, IReadOnlyDictionary<string, ImageRecord> volumes) => new()
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
        Image = mount.Image is { } image ? ContainerImages.From(image, volumes[image.Image]) : null,
        ImageSubPath = mount.ImageSubPath.Length > 0 ? mount.ImageSubPath : null,
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
            ImageSubPath = record.ImageSubPath ?? "",
            Propagation = Enum.TryParse<MountPropagation>(record.Propagation, out var propagation) ? propagation : default,
        };
        mount.UidMappings.AddRange(record.UidMappings.Select(SandboxView.Mapping));
        mount.GidMappings.AddRange(record.GidMappings.Select(SandboxView.Mapping));
        mount.MountOptions.AddRange(record.MountOptions);
        if (record.Image is { } image)
        {
            mount.Image = ContainerImages.ToCri(image);

            // What a pull of it returned (KEP-5365).
            mount.Image.ImageRef = image.Id;
        }

        return mount;
    }
}
