using Crisp.Kvm;
using Crisp.Kvm.Api;
using Crisp.Kvm.Boot;
using Crisp.Kvm.Fuse;
using Crisp.Linux;

namespace Crisp.Sandbox.Vm;

/// <summary>From specifications, which have paths, to guests, which have descriptors.</summary>
internal static class VmGuests
{
    internal static BootedGuest Create(KvmSystem system, FlatVmSpec spec, SerialSink send)
    {
        using var image = Open("image", spec.Image);
        return FlatGuest.Create(system, new FlatGuestOptions(spec.Vcpus, spec.MemoryBytes, spec.Entry, spec.LoadAddress), image, spec.Image, send);
    }

    internal static BootedGuest Create(KvmSystem system, LinuxVmSpec spec, SerialSink send)
    {
        using var kernel = Open("kernel", spec.Kernel);
        using var initrd = spec.Initrd is { } path ? Open("initramfs", path) : null;
        var options = new LinuxGuestOptions(spec.Vcpus, spec.MemoryBytes, spec.CommandLine)
        {
            Disks = [.. spec.Disks.Select(Disk)],
            VsockPath = spec.Vsock,
            VsockSeenAs = VmConfinement.ChangesRoot && spec.Vsock is { } socket ? $"/{Path.GetFileName(socket)}" : null,
            Taps = spec.Tap is { } name ? [TapSource.Open(name)] : [],
            Exports = spec.Shares.Count > 0 ? Exports(spec.Shares) : null,
        };
        return LinuxGuest.Create(system, options, new BootFile(kernel, spec.Kernel), initrd is null ? null : new BootFile(initrd, spec.Initrd!), send);
    }

    private static DiskSource Disk(VmDisk disk, int index)
    {
        var file = Open("disk", disk.Path, disk.IsReadOnly ? OpenFlags.ReadOnly : OpenFlags.ReadWrite, isDisk: true);
        return new DiskSource(file, disk.IsReadOnly, $"disk{index}");
    }

    private static ExportTable Exports(IReadOnlyList<VmShare> shares)
    {
        ResourceLimits.RaiseDescriptors();
        var exports = new ExportTable();
        try
        {
            foreach (var share in shares)
            {
                exports.Add(share.Name, Files.Open(share.Path, OpenFlags.Path), ExportOptions.Shared with { IsReadOnly = share.IsReadOnly });
            }

            return exports;
        }
        catch (LinuxException e)
        {
            exports.Dispose();
            throw new ImageLoadException($"The share {e.Path} cannot be opened: {e.Errno.Describe()}.", e);
        }
        catch (ArgumentException e)
        {
            exports.Dispose();
            throw new ImageLoadException(e.Message, e);
        }
    }

    internal static FileDescriptor Open(string kind, string path, OpenFlags flags = OpenFlags.ReadOnly, bool isDisk = false)
    {
        try
        {
            var file = Files.Open(path, flags);
            var type = Files.Status(file).Type;
            return type == FileType.Regular || (isDisk && type == FileType.BlockDevice) ? file
                : throw new ImageLoadException($"The {kind} {path} is no regular file{(isDisk ? " or block device" : "")}.");
        }
        catch (LinuxException e)
        {
            throw new ImageLoadException($"The {kind} {path} cannot be opened: {e.Errno.Describe()}.", e);
        }
    }
}
