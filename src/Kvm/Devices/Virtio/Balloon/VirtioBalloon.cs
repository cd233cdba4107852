using System.Buffers.Binary;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Kvm.Memory;

namespace Crisp.Kvm.Devices.Virtio.Balloon;

/// <summary>The memory balloon (virtio 1.2, 5.5): the guest gives pages back when it is asked to, and reports those it does not use.</summary>
internal sealed class VirtioBalloon(GuestMemory memory) : IVirtioDevice
{
    internal const int PageSize = 4096;

    private const ulong PageReporting = 1 << 5;
    private const int InflateQueue = 0;
    private const int DeflateQueue = 1;

    /// <summary>The third queue, when statistics and free page hints, whose queues would be before it, are not offered.</summary>
    private const int ReportingQueue = 2;

    /// <summary>Linux sends at most 256 page numbers at once.</summary>
    private const int MostPagesOfRequest = 4096;

    private readonly Lock _lock = new();
    private readonly byte[] _config = new byte[8];
    private IReadOnlyList<VirtQueue?> _queues = [];
    private IVirtioHost? _host;
    private long _discarded;

    public uint Id => 5;

    public ulong Features => PageReporting;

    public IReadOnlyList<ushort> QueueSizes { get; } = [128, 128, 32];

    /// <summary>Bytes that were given back to the node, by request and by report.</summary>
    internal long Discarded => Interlocked.Read(ref _discarded);

    /// <summary>Bytes that the guest says it has given.</summary>
    internal long Actual
    {
        get
        {
            lock (_lock)
            {
                return (long)BinaryPrimitives.ReadUInt32LittleEndian(_config.AsSpan(4)) * PageSize;
            }
        }
    }

    /// <summary>Asks the guest to give this many bytes in all. From any thread.</summary>
    internal void SetTarget(long bytes)
    {
        lock (_lock)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_config, checked((uint)(bytes / PageSize)));
        }

        Volatile.Read(ref _host)?.SignalConfigChange();
    }

    public void ReadConfig(ulong offset, Span<byte> data)
    {
        lock (_lock)
        {
            VirtioConfig.Read(_config, offset, data);
        }
    }

    public void WriteConfig(ulong offset, ReadOnlySpan<byte> data)
    {
        // struct virtio_balloon_config: num_pages is the device's, actual at 4 the driver's.
        if (offset == 4 && data.Length == sizeof(uint))
        {
            lock (_lock)
            {
                data.CopyTo(_config.AsSpan(4));
            }
        }
    }

    public void Activate(ulong features, IReadOnlyList<VirtQueue?> queues, IVirtioHost host)
    {
        if (queues[ReportingQueue] is not null && (features & PageReporting) == 0)
        {
            throw new VirtioException("The driver uses the queue of free pages without having accepted the feature.");
        }

        _queues = queues;
        Volatile.Write(ref _host, host);
    }

    public void Process(int queue)
    {
        var active = _queues[queue]!;
        while (active.TryPop() is { } chain)
        {
            switch (queue)
            {
                case InflateQueue:
                    Inflate(chain);
                    break;
                case ReportingQueue:
                    DiscardReported(chain);
                    break;
                case DeflateQueue:
                    // A page that the guest takes again comes back by itself, at the first touch.
                    break;
            }

            active.Push(chain, 0);
        }
    }

    public void Reset()
    {
        _queues = [];
        Volatile.Write(ref _host, null);
    }

    private void Inflate(DescriptorChain chain)
    {
        if (chain.Readable % sizeof(uint) != 0 || chain.Readable / sizeof(uint) > MostPagesOfRequest)
        {
            throw new VirtioException($"A request to inflate the balloon has {chain.Readable} bytes of page numbers; at most {MostPagesOfRequest} numbers of 4 are taken.");
        }

        Span<byte> entry = stackalloc byte[sizeof(uint)];
        var (start, pages) = (0UL, 0);
        while (chain.Read(entry) == entry.Length)
        {
            ulong page = BinaryPrimitives.ReadUInt32LittleEndian(entry);
            if (pages > 0 && page == start + (ulong)pages)
            {
                pages++;
                continue;
            }

            Discard(start, pages);
            (start, pages) = (page, 1);
        }

        Discard(start, pages);
    }

    private void Discard(ulong page, int pages)
    {
        if (pages > 0)
        {
            DiscardRange(page * PageSize, pages * PageSize);
        }
    }

    private void DiscardReported(DescriptorChain chain)
    {
        while (chain.NextWritableRange(out var address, out var length))
        {
            // Whole pages alone: what else lies in a page that is not free as a whole stays.
            var first = (address + PageSize - 1) / PageSize * PageSize;
            var end = (address + (ulong)length) / PageSize * PageSize;
            if (end > first)
            {
                DiscardRange(first, (int)(end - first));
            }
        }
    }

    private void DiscardRange(ulong address, int length)
    {
        memory.Discard(address, length);
        Interlocked.Add(ref _discarded, length);
    }
}
