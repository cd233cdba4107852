using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Block;

/// <summary>What a block device has on it.</summary>
/// <param name="File">A regular file or a block device, read and written in place.</param>
/// <param name="Sectors">What is behind the last whole one is left out.</param>
/// <param name="IsReadOnly">Writes fail, whatever the driver knows of it.</param>
internal sealed record BlockDisk(FileDescriptor File, long Sectors, bool IsReadOnly)
{
    internal const int SectorSize = 512;
}
