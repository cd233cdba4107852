using System.Buffers.Binary;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Block;

/// <summary>
/// The block device (virtio 1.2, 5.2) over a raw file, or a slot that files come into and leave. What is in a file is never looked at:
/// no format is guessed.
/// </summary>
/// <remarks>
/// Requests are carried out one after the other on the device's thread, straight between the file and the guest's memory:
/// nothing is under way when the device is reset (CVE-2026-45782), or its disk taken away. A slot without a disk has no sectors;
/// the driver is told of each change (5.2.4). What a driver has accepted holds until it is reset, so that a slot cannot tell
/// it that a disk is read-only: writes fail.
/// </remarks>
internal sealed class VirtioBlock : IVirtioDevice, IDisposable
{
    private const ulong SegmentMost = 1 << 2;
    private const ulong ReadOnly = 1 << 5;
    private const ulong BlockSize = 1 << 6;
    private const ulong Flush = 1 << 9;
    private const ushort QueueSize = 128;
    private const int ConfigSize = 24;

    // Held for each request, and for each change of the disk.
    private readonly Lock _lock = new();
    private readonly BlockRequests _requests;
    private volatile BlockDisk? _disk;
    private volatile IVirtioHost? _host;
    private VirtQueue? _queue;

    /// <param name="file">A regular file or block device; closed with this device.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="name">What the guest sees as the disk's serial number: at most 20 bytes of ASCII.</param>
    internal VirtioBlock(FileDescriptor file, long length, bool isReadOnly, string name)
        : this(name)
    {
        _disk = new BlockDisk(file, length / BlockDisk.SectorSize, isReadOnly);
        Features |= isReadOnly ? ReadOnly : 0;
    }

    /// <summary>A slot without a disk.</summary>
    internal VirtioBlock(string name)
    {
        _requests = new BlockRequests(name);
        Features = SegmentMost | BlockSize | Flush;
    }

    public uint Id => 2;

    public ulong Features { get; }

    public IReadOnlyList<ushort> QueueSizes { get; } = [QueueSize];

    /// <summary>Puts a disk into the slot, in place of the one that is there. From any thread; waits for the request that is under way.</summary>
    /// <param name="file">Closed when it leaves the slot.</param>
    /// <param name="length">In bytes.</param>
    internal void Attach(FileDescriptor file, long length, bool isReadOnly) => Change(new BlockDisk(file, length / BlockDisk.SectorSize, isReadOnly));

    /// <summary>Takes the disk out of the slot. On return it is closed. From any thread; waits for the request that is under way.</summary>
    internal void Detach() => Change(null);

    /// <summary>struct virtio_blk_config: capacity in sectors at 0, seg_max at 12, blk_size at 20.</summary>
    public void ReadConfig(ulong offset, Span<byte> data)
    {
        Span<byte> config = stackalloc byte[ConfigSize];
        config.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(config, _disk?.Sectors ?? 0);
        BinaryPrimitives.WriteUInt32LittleEndian(config[12..], QueueSize - 2);
        BinaryPrimitives.WriteUInt32LittleEndian(config[20..], BlockDisk.SectorSize);
        VirtioConfig.Read(config, offset, data);
    }

    public void WriteConfig(ulong offset, ReadOnlySpan<byte> data)
    {
    }

    public void Activate(ulong features, IReadOnlyList<VirtQueue?> queues, IVirtioHost host)
    {
        (_queue, _host) = (queues[0], host);
        // A driver that does not know flushes expects that what is written is on the disk.
        _requests.IsWriteThrough = (features & Flush) == 0;
    }

    public void Process(int queue)
    {
        while (_queue!.TryPop() is { } chain)
        {
            lock (_lock)
            {
                _requests.Handle(chain, _disk);
            }

            _queue.Push(chain, chain.Written);
        }
    }

    public void Reset() => (_queue, _host) = (null, null);

    public void Dispose() => _disk?.File.Dispose();

    private void Change(BlockDisk? disk)
    {
        lock (_lock)
        {
            _disk?.File.Dispose();
            _disk = disk;
        }

        // Without that lock: the driver's processor asks for the new size at once.
        _host?.SignalConfigChange();
    }
}
