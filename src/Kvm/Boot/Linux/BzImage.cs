using System.Buffers.Binary;
using System.Text;
using Crisp.Kvm.Memory;

namespace Crisp.Kvm.Boot.Linux;

/// <summary>A bzImage by the 64-bit boot protocol (Linux: Documentation/arch/x86/boot.rst).</summary>
/// <remarks>It unpacks itself in the guest. What it would unpack can be taken out of it before: <see cref="FindPayload"/>.</remarks>
public static class BzImage
{
    private const int SetupSectsOffset = 0x1F1;
    private const int MagicOffset = 0x202;
    private const int VersionOffset = 0x206;
    private const int LoadFlagsOffset = 0x211;
    private const int KernelVersionOffset = 0x20E;
    private const int XloadFlagsOffset = 0x236;
    private const int PayloadOffset = 0x248;
    private const int PayloadLengthOffset = 0x24C;
    private const int PreferredAddressOffset = 0x258;
    private const int InitSizeOffset = 0x260;
    private const int HeaderEnd = 0x268;
    private const int EntryOffset = 0x200;
    private const int SectorSize = 512;

    public static bool IsOne(ReadOnlySpan<byte> image) => image.Length > HeaderEnd && image.Slice(MagicOffset, 4).SequenceEqual("HdrS"u8);

    /// <summary>The compressed vmlinux within a bzImage, with the 4 bytes of its expanded length that follow most kinds of compression.</summary>
    /// <returns>Offset and length in the file; null when the header does not tell (before Linux 2.6.26) or tells nonsense.</returns>
    public static (int Offset, int Length)? FindPayload(ReadOnlySpan<byte> image)
    {
        const ushort FirstWithPayload = 0x208;
        if (!IsOne(image) || BinaryPrimitives.ReadUInt16LittleEndian(image[VersionOffset..]) < FirstWithPayload)
        {
            return null;
        }

        // Both are the file's word.
        var offset = ProtectedModeCode(image) + (long)BinaryPrimitives.ReadUInt32LittleEndian(image[PayloadOffset..]);
        var length = (long)BinaryPrimitives.ReadUInt32LittleEndian(image[PayloadLengthOffset..]);
        return length > 0 && offset <= image.Length && length <= image.Length - offset ? ((int)offset, (int)length) : null;
    }

    /// <summary>The kernel's release as <c>uname -r</c> tells it in the guest; null when the header does not tell.</summary>
    public static string? FindRelease(ReadOnlySpan<byte> image)
    {
        // The header's pointer counts from the end of the boot sector.
        const int Longest = 64;
        var offset = IsOne(image) ? BinaryPrimitives.ReadUInt16LittleEndian(image[KernelVersionOffset..]) : 0;
        if (offset == 0 || offset + SectorSize + Longest > image.Length)
        {
            return null;
        }

        var text = image.Slice(offset + SectorSize, Longest);
        var end = text.IndexOfAny((byte)' ', (byte)0);
        return end > 0 ? Encoding.Latin1.GetString(text[..end]) : null;
    }

    internal static LoadedKernel Load(GuestMemory memory, ReadOnlySpan<byte> image, string name)
    {
        const ushort FirstWith64Bits = 0x20C;
        const int Kernel64 = 1;
        const int LoadedHigh = 1;
        if (BinaryPrimitives.ReadUInt16LittleEndian(image[VersionOffset..]) < FirstWith64Bits
            || (BinaryPrimitives.ReadUInt16LittleEndian(image[XloadFlagsOffset..]) & Kernel64) == 0 || (image[LoadFlagsOffset] & LoadedHigh) == 0)
        {
            throw new ImageLoadException($"The kernel {name} has no 64-bit entry point: it is older than Linux 3.8, or for 32 bits.");
        }

        var start = ProtectedModeCode(image);
        if (start >= image.Length)
        {
            throw new ImageLoadException($"The kernel {name} is damaged: it ends with its setup code.");
        }

        var address = BinaryPrimitives.ReadUInt64LittleEndian(image[PreferredAddressOffset..]);
        var initSize = BinaryPrimitives.ReadUInt32LittleEndian(image[InitSizeOffset..]);
        var length = image.Length - start;
        var target = KernelImage.Place(memory, address, Math.Max(initSize, (ulong)length), name);
        image[start..].CopyTo(target);
        // The header's length is told by the byte that its jump instruction begins with.
        var headerLength = Math.Min(MagicOffset + image[0x201], 0x290) - SetupSectsOffset;
        return new LoadedKernel(address + EntryOffset, address + (ulong)target.Length, image.Slice(SetupSectsOffset, headerLength).ToArray());
    }

    private static int ProtectedModeCode(ReadOnlySpan<byte> image)
    {
        // 0 sectors mean 4, and the boot sector comes before them.
        var sectors = image[SetupSectsOffset] == 0 ? 4 : image[SetupSectsOffset];
        return (sectors + 1) * SectorSize;
    }
}
