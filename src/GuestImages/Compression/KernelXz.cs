using System.Buffers.Binary;
using SharpCompress.Compressors.LZMA;
using SharpCompress.Crypto;

namespace Crisp.GuestImages.Compression;

/// <summary>
/// A kernel as its build compresses it by xz (Linux: scripts/xz_wrap.sh): one block with the x86 filter before LZMA2, and a CRC32.
/// </summary>
/// <remarks>The .xz File Format 1.1.0: a header of 12 bytes, the block, the index, a footer of 12 bytes.</remarks>
internal static class KernelXz
{
    private const int HeaderLength = 12;
    private const int FooterLength = 12;
    private const int CheckType = 7;
    private const byte Crc32Check = 1;
    private const int Crc32Length = 4;

    // The block's header: its length in words less one, its flags (two filters, no lengths), the x86 filter without properties,
    // and LZMA2 with one byte of them.
    private const int BlockFlags = 1;
    private const byte TwoFilters = 1;
    private const int Filters = 2;
    private const int DictionarySize = 6;

    internal static bool IsOne(ReadOnlySpan<byte> data)
        => data.Length > HeaderLength + DictionarySize + FooterLength && data[CheckType] == Crc32Check
            && data[HeaderLength + BlockFlags] == TwoFilters && data.Slice(HeaderLength + Filters, 4).SequenceEqual((ReadOnlySpan<byte>)[4, 0, 0x21, 1]);

    /// <exception cref="InvalidDataException">It is damaged.</exception>
    internal static void Expand(ReadOnlySpan<byte> data, BoundedStream output)
    {
        // The footer: CRC32, the index's length in words less one, flags, YZ.
        var footer = data[^FooterLength..];
        var indexLength = (BinaryPrimitives.ReadUInt32LittleEndian(footer[4..]) + 1L) * 4;
        var blockLength = data.Length - HeaderLength - FooterLength - indexLength;
        var start = (data[HeaderLength] + 1) * 4;
        if (!footer.EndsWith("YZ"u8) || blockLength <= start + Crc32Length)
        {
            throw new InvalidDataException("The end of the xz file is damaged.");
        }

        var block = data.Slice(HeaderLength, (int)blockLength);
        using var input = new MemoryStream(block[start..^Crc32Length].ToArray(), writable: false);
        using (var lzma = LzmaStream.Create([block[DictionarySize]], input, -1, -1, null, true))
        {
            lzma.CopyTo(output);
        }

        var content = output.GetBuffer().AsSpan(0, (int)output.Length);
        X86Branches.MakeRelative(content);
        if (Crc32Stream.Compute(Crc32Stream.DEFAULT_POLYNOMIAL, Crc32Stream.DEFAULT_SEED, content) != BinaryPrimitives.ReadUInt32LittleEndian(block[^Crc32Length..]))
        {
            throw new InvalidDataException("The content of the xz file does not have the CRC32 that it tells.");
        }
    }
}
