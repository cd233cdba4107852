using System.Buffers.Binary;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Block;

/// <summary>The block device (virtio 1.2, 5.2) over a raw file. What is in the file is never looked at: no format is guessed.</summary>
/// <remarks>
/// Requests are carried out one after the other on the device's thread, straight between the file and the guest's memory:
/// nothing is under way when the device is reset (CVE-2026-45782).
/// </remarks>
internal sealed class VirtioBlock : IVirtioDevice, IDisposable
{
    internal const int SectorSize = 512;

    private const ulong SegmentMost = 1 << 2;
    private const ulong ReadOnly = 1 << 5;
    private const ulong BlockSize = 1 << 6;
    private const ulong Flush = 1 << 9;
    private const ushort QueueSize = 128;

    private readonly FileDescriptor _file;
    private readonly byte[] _config = new byte[24];
    private readonly BlockRequests _requests;
    private VirtQueue? _queue;

    /// <param name="file">A regular file or block device; closed with this device. What is behind the last whole sector is left out.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="isReadOnly">Writes fail, whatever the driver makes of the feature.</param>
    /// <param name="name">What the guest sees as the disk's serial number: at most 20 bytes of ASCII.</param>
    internal VirtioBlock(FileDescriptor file, long length, bool isReadOnly, string name)
    {
        _file = file;
        Features = SegmentMost | BlockSize | Flush | (isReadOnly ? ReadOnly : 0);
        // struct virtio_blk_config: capacity in sectors at 0, seg_max at 12, blk_size at 20.
        BinaryPrimitives.WriteInt64LittleEndian(_config, length / SectorSize);
        BinaryPrimitives.WriteUInt32LittleEndian(_config.AsSpan(12), QueueSize - 2);
        BinaryPrimitives.WriteUInt32LittleEndian(_config.AsSpan(20), SectorSize);
        _requests = new BlockRequests(file, length / SectorSize, isReadOnly, name);
    }

    public uint Id => 2;

    public ulong Features { get; }

    public IReadOnlyList<ushort> QueueSizes { get; } = [QueueSize];

    public void ReadConfig(ulong offset, Span<byte> data) => VirtioConfig.Read(_config, offset, data);

    public void WriteConfig(ulong offset, ReadOnlySpan<byte> data)
    {
    }

    public void Activate(ulong features, IReadOnlyList<VirtQueue?> queues, IVirtioHost host)
    {
        _queue = queues[0];
        // A driver that does not know flushes expects that what is written is on the disk.
        _requests.IsWriteThrough = (features & Flush) == 0;
    }

    public void Process(int queue)
    {
        while (_queue!.TryPop() is { } chain)
        {
            _requests.Handle(chain);
            _queue.Push(chain, chain.Written);
        }
    }

    public void Reset() => _queue = null;

    public void Dispose() => _file.Dispose();
}
