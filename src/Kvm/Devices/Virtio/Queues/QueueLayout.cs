using Crisp.Kvm.Memory;

namespace Crisp.Kvm.Devices.Virtio.Queues;

/// <summary>Where a split queue's three parts lie (virtio 1.2, 2.7). A value: what a driver writes later changes nothing.</summary>
/// <param name="Size">Descriptors; a power of 2.</param>
/// <param name="Descriptors">16 bytes for each descriptor.</param>
/// <param name="Available">The driver's area: flags, index, one entry of 2 bytes for each descriptor, and the used event.</param>
/// <param name="Used">The device's area: flags, index, one entry of 8 bytes for each descriptor, and the available event.</param>
internal readonly record struct QueueLayout(ushort Size, ulong Descriptors, ulong Available, ulong Used)
{
    internal const int DescriptorSize = 16;
    internal const int AvailableEntrySize = 2;
    internal const int UsedEntrySize = 8;
    internal const int RingHeaderSize = 4;
    private const int EventSize = 2;

    internal int DescriptorsLength => Size * DescriptorSize;

    internal int AvailableLength => RingHeaderSize + Size * AvailableEntrySize + EventSize;

    internal int UsedLength => RingHeaderSize + Size * UsedEntrySize + EventSize;

    /// <exception cref="VirtioException">The queue cannot be as the driver has it.</exception>
    internal void Verify(GuestMemory memory, ushort mostDescriptors)
    {
        if (Size == 0 || (Size & (Size - 1)) != 0 || Size > mostDescriptors)
        {
            throw new VirtioException($"A queue of {Size} descriptors is none of 1, 2, 4, … {mostDescriptors}.");
        }

        VerifyPart(memory, "descriptor table", Descriptors, DescriptorsLength, 16);
        VerifyPart(memory, "driver's area", Available, AvailableLength, 2);
        VerifyPart(memory, "device's area", Used, UsedLength, 4);
    }

    private static void VerifyPart(GuestMemory memory, string name, ulong address, int length, uint alignment)
    {
        if (address % alignment != 0 || !memory.TrySlice(address, length, out _))
        {
            throw new VirtioException($"A queue's {name} of {length} bytes cannot lie at 0x{address:x}.");
        }
    }
}
