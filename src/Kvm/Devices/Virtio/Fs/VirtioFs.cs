using System.Buffers.Binary;
using System.Text;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Kvm.Fuse;
using Crisp.Kvm.Memory;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Fs;

/// <summary>The file system device (virtio 1.2, 5.11): requests of FUSE, which a server in this process answers.</summary>
/// <remarks>
/// What forgets and interrupts (the high priority queue) is handled on the device's own thread, which never waits for a disk. Other
/// requests go to <see cref="FsWorkers"/>: one that a dead disk keeps does not keep the others.
/// There is one request queue: the guest's kernel spreads nothing over more that threads behind one cannot.
/// </remarks>
internal sealed class VirtioFs : IVirtioDevice, IDisposable
{
    internal const int MostTagLength = 36;

    private const int HighPriorityQueue = 0;
    private const int RequestQueue = 1;
    private const uint RequestQueues = 1;

    // A request for 1 MiB has 256 pages besides its headers, and chains are not indirect.
    private const ushort HighPrioritySize = 64;
    private const ushort RequestSize = 1024;

    private readonly byte[] _config = new byte[MostTagLength + sizeof(uint)];
    private readonly FuseServer _server;
    private readonly GuestMemory _memory;
    private readonly FsWorkers _workers;
    private readonly FileDescriptor _descriptors = FileThread.OpenDescriptors();
    private FuseRequest? _highPriority;
    private VirtQueue? _highPriorityQueue;

    /// <param name="tag">By which the guest mounts it; at most 36 bytes.</param>
    /// <param name="exports">The device's from then on.</param>
    internal VirtioFs(string tag, ExportTable exports, GuestMemory memory, FuseLimits limits)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Encoding.UTF8.GetByteCount(tag), MostTagLength, nameof(tag));
        // struct virtio_fs_config: tag, and num_request_queues behind it.
        Encoding.UTF8.GetBytes(tag, _config);
        BinaryPrimitives.WriteUInt32LittleEndian(_config.AsSpan(MostTagLength), RequestQueues);
        _memory = memory;
        _server = new FuseServer(exports, limits);
        _workers = new FsWorkers(_server, () => NewRequest());
    }

    public uint Id => 26;

    public ulong Features => 0;

    public IReadOnlyList<ushort> QueueSizes { get; } = [HighPrioritySize, RequestSize];

    internal FuseServer Server => _server;

    public void ReadConfig(ulong offset, Span<byte> data) => VirtioConfig.Read(_config, offset, data);

    public void WriteConfig(ulong offset, ReadOnlySpan<byte> data)
    {
    }

    public void Activate(ulong features, IReadOnlyList<VirtQueue?> queues, IVirtioHost host)
    {
        _highPriorityQueue = queues[HighPriorityQueue];
        if (_highPriorityQueue is null || queues[RequestQueue] is not { } requests)
        {
            throw new VirtioException("The driver does not use both queues of the file system device.");
        }

        _workers.Start(requests, host);
    }

    public void Process(int queue)
    {
        if (queue == RequestQueue)
        {
            _workers.Wake();
            return;
        }

        while (_highPriorityQueue!.TryPop() is { } chain)
        {
            _highPriority ??= NewRequest();
            _highPriorityQueue.Push(chain, _server.HandleUrgent(_highPriority, chain));
        }
    }

    public void Reset()
    {
        // A driver that goes on without its device's reset is no session any more: it begins with INIT.
        _workers.Stop();
        _highPriorityQueue = null;
        _server.EndSession();
    }

    public void Dispose()
    {
        _workers.Dispose();
        _server.Dispose();
        _descriptors.Dispose();
    }

    private FuseRequest NewRequest() => new(FileThread.Enter(_descriptors), _memory.Mapping);
}
