using System.Runtime.InteropServices;
using Crisp.Kvm.Memory;

namespace Crisp.Kvm.Devices.Virtio.Queues;

/// <summary>The device's side of a split queue (virtio 1.2, 2.7). For one thread.</summary>
/// <remarks>
/// The driver may write anything anywhere at any time. So every value is read once, checked, and used as checked, and what
/// a chain can cost is bounded: at most as many descriptors as the queue has, and indirect ones are not offered.
/// </remarks>
internal sealed class VirtQueue
{
    private const ushort NoInterrupt = 1;
    private const int FlagsOffset = 0;
    private const int IndexOffset = 2;

    private readonly GuestMemory _memory;
    private readonly QueueLayout _layout;
    private readonly Action _interrupt;
    private readonly DescriptorChain _chain;
    private ushort _nextAvailable;
    private ushort _nextUsed;
    private bool _hasNews;

    /// <param name="layout">Verified.</param>
    /// <param name="interrupt">Tells the driver that buffers were used.</param>
    internal VirtQueue(GuestMemory memory, QueueLayout layout, Action interrupt)
    {
        (_memory, _layout, _interrupt) = (memory, layout, interrupt);
        _chain = new DescriptorChain(memory, layout);
    }

    /// <summary>Whether the driver has made a chain available that was not taken yet.</summary>
    /// <exception cref="VirtioException">It claims to have made more available than the queue can hold.</exception>
    internal bool HasAvailable
    {
        get
        {
            var count = (ushort)(Volatile.Read(ref Word(_layout.Available, IndexOffset)) - _nextAvailable);
            return count > _layout.Size
                ? throw new VirtioException($"{count} chains are available in a queue of {_layout.Size} descriptors.")
                : count > 0;
        }
    }

    /// <summary>Takes the next chain.</summary>
    /// <returns>Null when there is none. The object is valid until the next call.</returns>
    /// <exception cref="VirtioException">The chain is not as the rules have it.</exception>
    internal DescriptorChain? TryPop() => TryPop(_chain) ? _chain : null;

    /// <summary>Takes the next chain into an object of the caller's, for devices that have several under way.</summary>
    /// <returns>False when there is none.</returns>
    /// <exception cref="VirtioException">The chain is not as the rules have it.</exception>
    internal bool TryPop(DescriptorChain chain)
    {
        if (!HasAvailable)
        {
            return false;
        }

        var slot = _nextAvailable & (_layout.Size - 1);
        var head = Word(_layout.Available, QueueLayout.RingHeaderSize + slot * QueueLayout.AvailableEntrySize);
        chain.Load(head);
        _nextAvailable++;
        return true;
    }

    /// <summary>For <see cref="TryPop(DescriptorChain)"/>.</summary>
    internal DescriptorChain CreateChain() => new(_memory, _layout);

    /// <summary>Leaves the chain that was taken last, and not given back, for the next <see cref="TryPop()"/>.</summary>
    internal void PutBack() => _nextAvailable--;

    /// <summary>Gives a chain back.</summary>
    /// <param name="written">How many bytes the device has written to it.</param>
    internal void Push(DescriptorChain chain, uint written)
    {
        var slot = _nextUsed & (_layout.Size - 1);
        var entry = MemoryMarshal.Cast<byte, uint>(
            _memory.Slice(_layout.Used + (ulong)(QueueLayout.RingHeaderSize + slot * QueueLayout.UsedEntrySize), QueueLayout.UsedEntrySize));
        entry[0] = chain.Head;
        entry[1] = written;
        _nextUsed++;
        // The driver must not see the index before the entry.
        Volatile.Write(ref Word(_layout.Used, IndexOffset), _nextUsed);
        _hasNews = true;
    }

    /// <summary>Tells the driver what was pushed since the last time, if it wants to be told.</summary>
    internal void Flush()
    {
        if (!_hasNews)
        {
            return;
        }

        _hasNews = false;
        // The index must be out before the flag is read, or a driver that clears the flag and looks in between hears nothing.
        Interlocked.MemoryBarrier();
        if ((Volatile.Read(ref Word(_layout.Available, FlagsOffset)) & NoInterrupt) == 0)
        {
            _interrupt();
        }
    }

    private ref ushort Word(ulong area, int offset) => ref MemoryMarshal.AsRef<ushort>(_memory.Slice(area + (ulong)offset, sizeof(ushort)));
}
