using Crisp.Kvm.Devices.Virtio.Block;
using Crisp.Linux;

namespace Crisp.Kvm;

/// <summary>
/// A disk of a guest that is there from its start, and has something on it from <see cref="Attach"/> to <see cref="Detach"/>: devices on
/// virtio-mmio cannot come and go. From any thread.
/// </summary>
public sealed class DiskSlot
{
    /// <summary>In bytes: what is behind the last whole sector is left out.</summary>
    public const int SectorSize = BlockDisk.SectorSize;

    private readonly VirtioBlock _device;

    internal DiskSlot(VirtioBlock device) => _device = device;

    /// <summary>What the guest sees as the serial number of the n-th.</summary>
    public static string NameOf(int slot) => $"crisp-slot-{slot}";

    /// <summary>Puts a disk into the slot, in place of the one that is there. Waits for the request that is under way.</summary>
    /// <param name="file">A regular file or a block device, read and written in place; closed when it leaves the slot.</param>
    /// <param name="length">In bytes.</param>
    public void Attach(FileDescriptor file, long length, bool isReadOnly) => _device.Attach(file, length, isReadOnly);

    /// <summary>Takes it out. Waits for the request that is under way; on return it is closed.</summary>
    public void Detach() => _device.Detach();
}
