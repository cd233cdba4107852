using System.Runtime.InteropServices;
using Crisp.Kvm.Memory;

namespace Crisp.Kvm.Devices.Virtio.Queues;

/// <summary>One buffer of the driver's: parts for the device to read, then parts for it to write. Both are gone through once, in order.</summary>
/// <remarks>Each queue has one object, so that no chain costs an allocation.</remarks>
internal sealed class DescriptorChain
{
    private const ushort Next = 1;
    private const ushort Writable = 2;
    private const ushort Indirect = 4;

    private readonly GuestMemory _memory;
    private readonly QueueLayout _layout;
    private readonly Segment[] _segments;
    private int _count;
    private int _firstWritable;
    private Cursor _read;
    private Cursor _write;

    internal DescriptorChain(GuestMemory memory, QueueLayout layout)
    {
        (_memory, _layout) = (memory, layout);
        _segments = new Segment[layout.Size];
    }

    /// <summary>The index of its first descriptor, by which the driver knows it.</summary>
    internal ushort Head { get; private set; }

    /// <summary>Bytes left to read.</summary>
    internal long Readable { get; private set; }

    /// <summary>Bytes left to write.</summary>
    internal long WritableLeft { get; private set; }

    /// <summary>Bytes written.</summary>
    internal uint Written { get; private set; }

    /// <summary>Reads and checks its descriptors.</summary>
    internal void Load(ushort head)
    {
        (Head, _count, _firstWritable, Readable, WritableLeft, Written) = (head, 0, 0, 0, 0, 0);
        for (int index = head; ;)
        {
            var descriptor = ReadDescriptor(index);
            Add(descriptor);
            if ((descriptor.Flags & Next) == 0)
            {
                break;
            }

            index = descriptor.NextIndex;
        }

        _read = new Cursor(0, 0);
        _write = new Cursor(_firstWritable, 0);
    }

    /// <summary>Copies what comes next of the readable parts.</summary>
    /// <returns>Bytes copied: fewer than asked for at the end.</returns>
    internal int Read(Span<byte> destination)
    {
        var copied = 0;
        while (copied < destination.Length && NextReadable(destination.Length - copied) is { Length: > 0 } source)
        {
            source.CopyTo(destination[copied..]);
            copied += source.Length;
        }

        return copied;
    }

    /// <summary>Copies to what comes next of the writable parts.</summary>
    /// <returns>Bytes copied: fewer than given at the end.</returns>
    internal int Write(ReadOnlySpan<byte> source)
    {
        var copied = 0;
        while (copied < source.Length && NextWritable(source.Length - copied) is { Length: > 0 } destination)
        {
            source.Slice(copied, destination.Length).CopyTo(destination);
            copied += destination.Length;
        }

        return copied;
    }

    /// <summary>Copies to the beginning of the writable parts, however far they have been gone through: for what is known last.</summary>
    internal void WriteFirst(ReadOnlySpan<byte> source)
    {
        var cursor = new Cursor(_firstWritable, 0);
        while (!source.IsEmpty && Take(ref cursor, _count, source.Length) is { Length: > 0 } destination)
        {
            source[..destination.Length].CopyTo(destination);
            source = source[destination.Length..];
        }
    }

    /// <summary>The next piece of the guest's memory to read, which counts as read.</summary>
    /// <param name="most">Bytes.</param>
    /// <returns>Empty at the end.</returns>
    internal ReadOnlySpan<byte> NextReadable(int most)
    {
        var piece = Take(ref _read, _firstWritable, most);
        Readable -= piece.Length;
        return piece;
    }

    /// <summary>The next piece of the guest's memory to write to, which counts as written.</summary>
    /// <param name="most">Bytes.</param>
    /// <returns>Empty at the end.</returns>
    internal Span<byte> NextWritable(int most)
    {
        var piece = Take(ref _write, _count, most);
        WritableLeft -= piece.Length;
        Written += (uint)piece.Length;
        return piece;
    }

    /// <summary>The address and length of the next writable part as a whole, which counts as gone through and not as written.</summary>
    internal bool NextWritableRange(out ulong address, out int length)
    {
        (address, length) = (0, 0);
        if (_write.Segment == _count)
        {
            return false;
        }

        var segment = _segments[_write.Segment];
        (address, length) = (segment.Address + (uint)_write.Offset, segment.Length - _write.Offset);
        _write = new Cursor(_write.Segment + 1, 0);
        WritableLeft -= length;
        return true;
    }

    private Descriptor ReadDescriptor(int index) => index < _layout.Size
        ? MemoryMarshal.Read<Descriptor>(_memory.Slice(_layout.Descriptors + (ulong)(index * QueueLayout.DescriptorSize), QueueLayout.DescriptorSize))
        : throw new VirtioException($"The descriptor {index} is not in a queue of {_layout.Size}.");

    private void Add(Descriptor descriptor)
    {
        if (_count == _segments.Length)
        {
            throw new VirtioException($"A chain has more descriptors than its queue, {_layout.Size}: it is a ring.");
        }

        if ((descriptor.Flags & Indirect) != 0)
        {
            throw new VirtioException("A descriptor is indirect, which this device does not offer.");
        }

        if (descriptor.Length > int.MaxValue || !_memory.TrySlice(descriptor.Address, (int)descriptor.Length, out _))
        {
            throw new VirtioException($"A descriptor has {descriptor.Length} bytes at 0x{descriptor.Address:x}, where they are not all memory.");
        }

        var isWritable = (descriptor.Flags & Writable) != 0;
        if (!isWritable && _firstWritable != _count)
        {
            throw new VirtioException("A part to read comes after one to write.");
        }

        _segments[_count++] = new Segment(descriptor.Address, (int)descriptor.Length);
        _firstWritable += isWritable ? 0 : 1;
        Readable += isWritable ? 0 : descriptor.Length;
        WritableLeft += isWritable ? descriptor.Length : 0;
        if (Readable + WritableLeft > uint.MaxValue)
        {
            throw new VirtioException("A chain describes more than 4 GiB.");
        }
    }

    private Span<byte> Take(ref Cursor cursor, int end, int most)
    {
        while (cursor.Segment < end)
        {
            var segment = _segments[cursor.Segment];
            var left = segment.Length - cursor.Offset;
            if (left > 0)
            {
                var length = Math.Min(left, most);
                var piece = _memory.Slice(segment.Address + (uint)cursor.Offset, length);
                cursor = cursor with { Offset = cursor.Offset + length };
                return piece;
            }

            cursor = new Cursor(cursor.Segment + 1, 0);
        }

        return default;
    }

    /// <summary>virtio 1.2, 2.7.5: struct virtq_desc.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Descriptor(ulong Address, uint Length, ushort Flags, ushort NextIndex);

    private readonly record struct Segment(ulong Address, int Length);

    private readonly record struct Cursor(int Segment, int Offset);
}
