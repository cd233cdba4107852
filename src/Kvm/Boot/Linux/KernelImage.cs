using System.Buffers.Binary;
using Crisp.Kvm.Memory;
using Crisp.Linux;

namespace Crisp.Kvm.Boot.Linux;

/// <summary>A kernel in the guest's memory.</summary>
/// <param name="Entry">Its 64-bit entry point.</param>
/// <param name="End">The first address behind all that it takes before it knows its memory.</param>
/// <param name="SetupHeader">A bzImage's header for the zero page, from 0x1F1 on; empty for an ELF file, which has none.</param>
internal sealed record LoadedKernel(ulong Entry, ulong End, ReadOnlyMemory<byte> SetupHeader);

/// <summary>Loads Linux: a vmlinux (ELF) or a bzImage, told apart by their magic numbers.</summary>
internal static class KernelImage
{
    private const int LongestFile = 256 << 20;

    /// <exception cref="ImageLoadException">It is neither, or damaged, or does not fit.</exception>
    internal static LoadedKernel Load(GuestMemory memory, FileDescriptor file, string name)
    {
        var length = Files.Status(file).Size;
        if (length is < 0x1000 or > LongestFile)
        {
            throw new ImageLoadException($"The kernel {name} has {length} bytes; a kernel has at least 4096 and at most {LongestFile}.");
        }

        using var mapping = MemoryMapping.Map(file, length, writable: false);
        ReadOnlySpan<byte> image = mapping.Slice(0, (int)length);
        return image.StartsWith("\u007fELF"u8) ? ElfKernel.Load(memory, image, name)
            : BzImage.IsOne(image) ? BzImage.Load(memory, image, name)
            : throw new ImageLoadException($"The kernel {name} is neither a vmlinux (ELF) nor a bzImage.");
    }

    /// <summary>Where a part of the kernel goes.</summary>
    internal static Span<byte> Place(GuestMemory memory, ulong address, ulong length, string name)
        => address >= AddressMap.Image && length <= int.MaxValue && memory.TrySlice(address, (int)length, out var bytes)
            ? bytes
            : throw new ImageLoadException(
                $"The kernel {name} needs {length} bytes at 0x{address:x}, which a memory of {memory.Length} bytes does not have above 1 MiB. Give the machine more (--memory).");
}

/// <summary>An ELF file's segments (System V ABI, chapter 5), at their physical addresses.</summary>
internal static class ElfKernel
{
    private const int HeaderSize = 64;
    private const int SegmentHeaderSize = 56;
    private const int MostSegments = 32;
    private const uint LoadSegment = 1;

    internal static LoadedKernel Load(GuestMemory memory, ReadOnlySpan<byte> image, string name)
    {
        // 64 bits, little endian, an executable, x86-64.
        var isKernel = image.Length >= HeaderSize && image[4] == 2 && image[5] == 1
            && BinaryPrimitives.ReadUInt16LittleEndian(image[16..]) == 2 && BinaryPrimitives.ReadUInt16LittleEndian(image[18..]) == 62;
        var offset = isKernel ? BinaryPrimitives.ReadUInt64LittleEndian(image[32..]) : 0;
        var count = isKernel ? BinaryPrimitives.ReadUInt16LittleEndian(image[56..]) : 0;
        if (!isKernel || BinaryPrimitives.ReadUInt16LittleEndian(image[54..]) != SegmentHeaderSize || count is 0 or > MostSegments
            || offset > (ulong)(image.Length - count * SegmentHeaderSize))
        {
            throw new ImageLoadException($"The kernel {name} is no executable ELF file for x86-64.");
        }

        var end = 0UL;
        for (var i = 0; i < count; i++)
        {
            var header = image.Slice((int)offset + i * SegmentHeaderSize, SegmentHeaderSize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) == LoadSegment)
            {
                end = Math.Max(end, LoadOne(memory, image, header, name));
            }
        }

        return new LoadedKernel(BinaryPrimitives.ReadUInt64LittleEndian(image[24..]), end, default);
    }

    /// <returns>The address behind it.</returns>
    private static ulong LoadOne(GuestMemory memory, ReadOnlySpan<byte> image, ReadOnlySpan<byte> header, string name)
    {
        var from = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
        var address = BinaryPrimitives.ReadUInt64LittleEndian(header[24..]);
        var inFile = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
        var inMemory = BinaryPrimitives.ReadUInt64LittleEndian(header[40..]);
        if (inFile > inMemory || from > (ulong)image.Length || inFile > (ulong)image.Length - from)
        {
            throw new ImageLoadException($"The kernel {name} is damaged: a segment is not all in the file.");
        }

        // What is only in memory is zero there already.
        var target = KernelImage.Place(memory, address, inMemory, name);
        image.Slice((int)from, (int)inFile).CopyTo(target);
        return address + inMemory;
    }
}
