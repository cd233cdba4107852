using Crisp.CriServer.Hosting;
using Crisp.Images;
using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Grpc.Core;

namespace Crisp.CriServer.Containers;

/// <summary>
/// Opens everything that a container mounts from the node as detached mounts, in the specification's order: the rootfs, then
/// each mount that needs a descriptor. They are attached in the container's own mount namespace alone. The monitor of a virtual machine
/// gets block devices after them, and last the directory of the log.
/// </summary>
internal static class ContainerMounts
{
    /// <param name="opened">Gets each descriptor as soon as it is there, so that the caller closes them whatever happens.</param>
    public static void Open(ContainerSpec spec, ContainerSpecInput input, FileDescriptor? userNamespace, List<FileDescriptor> opened)
    {
        var overlay = (OverlaySource)spec.Root.Source;

        // Writable even for a read-only rootfs: the pod's process makes missing mount points before it turns read-only.
        var rootfs = Overlay(overlay, userNamespace);
        opened.Add(rootfs);
        foreach (var volume in ContainerSpecBuilder.AnonymousVolumes(input))
        {
            Directory.CreateDirectory(volume.Directory, (UnixFileMode)0x1ED);
            TreeCopy.Copy(rootfs, volume.Target, volume.Directory);
        }

        foreach (var mount in spec.Mounts.Where(m => m.Source.NeedsDescriptor))
        {
            opened.Add(mount.Source is OverlaySource image ? ImageVolumes.Open(mount, image, userNamespace) : BindMounts.Open(mount, userNamespace));
        }

        foreach (var disk in spec.Disks ?? [])
        {
            opened.Add(DiskDevices.Open(disk));
        }

        if (spec.Log is { HasDescriptor: true } log)
        {
            opened.Add(LogDirectory(log));
        }
    }

    private static FileDescriptor LogDirectory(LogSpec log)
    {
        try
        {
            return Mounts.CloneDirectory(FileDescriptor.CurrentDirectory, log.Directory);
        }
        catch (LinuxException e)
        {
            throw new CriException(StatusCode.FailedPrecondition, $"The log directory cannot be opened: {e.Message}.", e);
        }
    }

    internal static FileDescriptor Overlay(OverlaySource overlay, FileDescriptor? userNamespace) => userNamespace is null
        ? OverlayMount.Create(overlay.Lower, overlay.Upper, overlay.Work)
        : OverlayMount.CreateIdMapped(overlay.Lower, overlay.Upper, overlay.Work, userNamespace);
}
