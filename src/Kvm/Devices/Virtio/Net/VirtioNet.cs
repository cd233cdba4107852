using System.Buffers.Binary;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Net;

/// <summary>The network device (virtio 1.2, 5.1): Ethernet frames between the guest and a tap.</summary>
/// <remarks>
/// Frames carry struct virtio_net_hdr on both sides, so checksums and segmentation are agreed between the guest's kernel and the
/// host's, which checks every header that it gets; here they are bytes.
/// </remarks>
internal sealed class VirtioNet : IVirtioDevice, IDisposable
{
    /// <summary>struct virtio_net_hdr_v1.</summary>
    internal const int HeaderSize = 12;

    private const ulong Checksum = 1 << 0;
    private const ulong GuestChecksum = 1 << 1;
    private const ulong Mac = 1 << 5;
    private const ulong GuestSegmentation4 = 1 << 7;
    private const ulong GuestSegmentation6 = 1 << 8;
    private const ulong HostSegmentation4 = 1 << 11;
    private const ulong HostSegmentation6 = 1 << 12;

    private const int ReceiveQueue = 0;
    private const int TransmitQueue = 1;

    /// <summary>A segment of 64 KiB with its Ethernet header and VLAN tag.</summary>
    private const int MostOfFrame = HeaderSize + 18 + 65536;

    // The lock is given up after so many, so that a flood does not keep the guest's processors from the registers.
    private const int FramesOfRound = 64;
    private const int NumberOfBuffersOffset = 10;

    private readonly FileDescriptor _tap;
    private readonly Action<TapOffloads> _setOffloads;
    private readonly byte[] _mac;
    private readonly byte[] _frame = new byte[MostOfFrame];
    private VirtQueue? _receive;
    private VirtQueue? _transmit;
    private IVirtioHost? _host;
    private ulong? _watch;
    private long _dropped;

    /// <param name="tap">Of <see cref="Tap.Open(string, int)"/>, or anything else that keeps frames apart; closed with this device.</param>
    /// <param name="setOffloads">Tells the tap what the guest leaves to it.</param>
    /// <param name="mac">6 bytes.</param>
    internal VirtioNet(FileDescriptor tap, Action<TapOffloads> setOffloads, ReadOnlySpan<byte> mac)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(mac.Length, 6, nameof(mac));
        (_tap, _setOffloads, _mac) = (tap, setOffloads, mac.ToArray());
    }

    public uint Id => 1;

    public ulong Features => Checksum | GuestChecksum | Mac | GuestSegmentation4 | GuestSegmentation6 | HostSegmentation4 | HostSegmentation6;

    public IReadOnlyList<ushort> QueueSizes { get; } = [256, 256];

    /// <summary>Frames that one side had no room for, or that were none.</summary>
    internal long Dropped => Interlocked.Read(ref _dropped);

    public void ReadConfig(ulong offset, Span<byte> data) => VirtioConfig.Read(_mac, offset, data);

    public void WriteConfig(ulong offset, ReadOnlySpan<byte> data)
    {
    }

    public void Activate(ulong features, IReadOnlyList<VirtQueue?> queues, IVirtioHost host)
    {
        (_receive, _transmit, _host) = (queues[ReceiveQueue], queues[TransmitQueue], host);
        if (_receive is null || _transmit is null)
        {
            throw new VirtioException("The driver does not use both queues of the network device.");
        }

        // Segments need checksums, says the specification; a driver that accepts them without is not believed.
        var hasChecksum = (features & GuestChecksum) != 0;
        _setOffloads((hasChecksum ? TapOffloads.Checksum : 0)
            | (hasChecksum && (features & GuestSegmentation4) != 0 ? TapOffloads.Segmentation4 : 0)
            | (hasChecksum && (features & GuestSegmentation6) != 0 ? TapOffloads.Segmentation6 : 0));
        WatchTap();
    }

    public void Process(int queue)
    {
        if (queue == ReceiveQueue)
        {
            WatchTap();
        }
        else
        {
            Transmit();
        }
    }

    public void Reset()
    {
        UnwatchTap();
        (_receive, _transmit, _host) = (null, null, null);
    }

    public void Dispose() => _tap.Dispose();

    /// <summary>While the guest has no buffer, nothing is read: the tap's own queue holds frames, and drops them.</summary>
    private void WatchTap()
    {
        if (_watch is null && _receive!.HasAvailable)
        {
            _watch = _host!.Watch(_tap, EpollEvents.In, _ => Receive());
        }
    }

    private void UnwatchTap()
    {
        if (_watch is { } watch)
        {
            _host!.Unwatch(watch, _tap);
            _watch = null;
        }
    }

    private void Receive()
    {
        for (var frames = 0; frames < FramesOfRound; frames++)
        {
            if (!_receive!.HasAvailable)
            {
                UnwatchTap();
                return;
            }

            var length = Files.TryRead(_tap, _frame, out var errno);
            if (length < 0 && errno == Errno.EAGAIN)
            {
                return;
            }

            if (length <= 0)
            {
                // The interface was removed: nothing comes any more, and what the guest sends is lost.
                UnwatchTap();
                return;
            }

            Give(length);
        }
    }

    private void Give(int length)
    {
        var chain = _receive!.TryPop()!;
        if (length < HeaderSize || length > chain.WritableLeft)
        {
            Interlocked.Increment(ref _dropped);
            _receive.PutBack();
            return;
        }

        // The frame lies in one chain, which the tap does not say.
        BinaryPrimitives.WriteUInt16LittleEndian(_frame.AsSpan(NumberOfBuffersOffset), 1);
        chain.Write(_frame.AsSpan(0, length));
        _receive.Push(chain, chain.Written);
    }

    private void Transmit()
    {
        while (_transmit!.TryPop() is { } chain)
        {
            var isFrame = chain.Readable is > HeaderSize and <= MostOfFrame;
            var length = isFrame ? chain.Read(_frame) : 0;
            // A frame that the host refuses or has no room for is lost, as frames are.
            if (!isFrame || Files.TryWrite(_tap, _frame.AsSpan(0, length), out _) < 0)
            {
                Interlocked.Increment(ref _dropped);
            }

            _transmit.Push(chain, 0);
        }
    }
}
