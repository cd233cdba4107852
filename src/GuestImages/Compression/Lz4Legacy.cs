using System.Buffers.Binary;
using K4os.Compression.LZ4;

namespace Crisp.GuestImages.Compression;

/// <summary>The format of <c>lz4 -l</c> (lz4_Frame_format.md, legacy frame): a magic number, and blocks of up to 8 MiB of content.</summary>
internal static class Lz4Legacy
{
    private const int MagicLength = 4;
    private const int BlockContent = 8 << 20;

    // LZ4_compressBound of a block.
    private const int LongestBlock = BlockContent + BlockContent / 255 + 16;

    /// <exception cref="InvalidDataException">It is damaged.</exception>
    internal static void Expand(ReadOnlySpan<byte> data, Stream output)
    {
        var block = new byte[BlockContent];
        for (var rest = data[MagicLength..]; rest.Length > 0;)
        {
            var length = rest.Length < sizeof(uint) ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(rest);
            if (length is 0 or > LongestBlock || length > rest.Length - sizeof(uint))
            {
                throw new InvalidDataException("A block of lz4 has a length that it cannot have.");
            }

            var count = LZ4Codec.Decode(rest.Slice(sizeof(uint), (int)length), block);
            if (count < 0)
            {
                throw new InvalidDataException("A block of lz4 is damaged.");
            }

            output.Write(block.AsSpan(0, count));
            rest = rest[(sizeof(uint) + (int)length)..];
        }
    }
}
