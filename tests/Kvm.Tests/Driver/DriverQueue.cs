using System.Runtime.InteropServices;

namespace Crisp.Kvm.Tests.Driver;

/// <summary>A part of a buffer: the driver's to read for the device, or the device's to write to.</summary>
internal readonly record struct Part(ulong Address, int Length, bool IsWritable);

/// <summary>The driver's side of a split queue (virtio 1.2, 2.7), and ways to break its rules.</summary>
internal sealed class DriverQueue(VirtioDriver driver, int index, int size, ulong descriptors, ulong available, ulong used)
{
    internal const ushort Next = 1, Writable = 2, Indirect = 4;
    private ushort _usedSeen;
    private int _nextDescriptor;

    internal ulong Descriptors => descriptors;

    internal ulong Available => available;

    internal ulong Used => used;

    internal ushort AvailableIndex
    {
        get => Word(available + 2);
        set => Volatile.Write(ref Word(available + 2), value);
    }

    internal ushort UsedIndex => Volatile.Read(ref Word(used + 2));

    /// <summary>VIRTQ_AVAIL_F_NO_INTERRUPT.</summary>
    internal bool WantsInterrupts
    {
        set => Word(available) = value ? (ushort)0 : (ushort)1;
    }

    internal void WriteDescriptor(int at, ulong address, uint length, ushort flags, ushort next)
    {
        var bytes = driver.Memory.Slice(descriptors + (ulong)(16 * at), 16);
        MemoryMarshal.Write(bytes, address);
        MemoryMarshal.Write(bytes[8..], length);
        MemoryMarshal.Write(bytes[12..], flags);
        MemoryMarshal.Write(bytes[14..], next);
    }

    /// <summary>Makes a chain available and does not tell.</summary>
    internal ushort Add(params ReadOnlySpan<Part> parts)
    {
        var head = (ushort)(_nextDescriptor % size);
        for (var i = 0; i < parts.Length; i++)
        {
            var at = _nextDescriptor++ % size;
            var isLast = i == parts.Length - 1;
            var flags = (parts[i].IsWritable ? Writable : 0) | (isLast ? 0 : Next);
            WriteDescriptor(at, parts[i].Address, (uint)parts[i].Length, (ushort)flags, (ushort)(isLast ? 0 : _nextDescriptor % size));
        }

        MakeAvailable(head);
        return head;
    }

    internal void MakeAvailable(ushort head)
    {
        Word(available + 4 + (ulong)(2 * (AvailableIndex % size))) = head;
        AvailableIndex++;
    }

    /// <summary>4.2.2: QueueNotify.</summary>
    internal void Notify() => driver.Write(0x50, (uint)index);

    /// <summary>Waits for the next buffer that comes back.</summary>
    internal (uint Id, uint Length) WaitUsed()
    {
        driver.WaitFor(() => UsedIndex != _usedSeen);
        var entry = MemoryMarshal.Cast<byte, uint>(driver.Memory.Slice(used + 4 + (ulong)(8 * (_usedSeen % size)), 8));
        _usedSeen++;
        return (entry[0], entry[1]);
    }

    /// <summary>Sends a buffer and waits until it is back.</summary>
    internal uint Send(params ReadOnlySpan<Part> parts)
    {
        var head = Add(parts);
        Notify();
        var (id, length) = WaitUsed();
        Xunit.Assert.Equal(head, id);
        return length;
    }

    private ref ushort Word(ulong address) => ref MemoryMarshal.AsRef<ushort>(driver.Memory.Slice(address, 2));
}
