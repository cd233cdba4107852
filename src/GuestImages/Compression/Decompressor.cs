using System.IO.Compression;
using SharpCompress.Compressors.BZip2;
using SharpCompress.Compressors.LZMA;
using SharpCompress.Compressors.Xz;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Crisp.GuestImages.Compression;

/// <summary>Expands what the first bytes say how it was compressed.</summary>
internal static class Decompressor
{
    // zstd(1) --ultra, which kernels are compressed with.
    private const int LargestWindowLog = 27;

    /// <returns><see cref="CompressionKind.None"/> for what is not compressed, or in a way that is not known here (lzo).</returns>
    internal static CompressionKind Recognize(ReadOnlySpan<byte> data)
        => data.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]) ? CompressionKind.Gzip
            : data.StartsWith((ReadOnlySpan<byte>)[0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]) ? CompressionKind.Xz
            : data.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD]) ? CompressionKind.Zstd
            : data.StartsWith((ReadOnlySpan<byte>)[0x02, 0x21, 0x4C, 0x18]) ? CompressionKind.Lz4Legacy
            : data.StartsWith("BZh"u8) ? CompressionKind.Bzip2
            : data.StartsWith((ReadOnlySpan<byte>)[0x5D, 0x00, 0x00]) ? CompressionKind.Lzma
            : CompressionKind.None;

    /// <summary>The content.</summary>
    /// <param name="limit">In bytes: what is longer is refused before it takes more memory.</param>
    /// <exception cref="InvalidDataException">It is damaged, or longer.</exception>
    internal static ReadOnlyMemory<byte> Expand(byte[] data, int start, int length, CompressionKind kind, long limit)
    {
        using var output = new BoundedStream(limit);
        try
        {
            if (kind == CompressionKind.Lz4Legacy)
            {
                Lz4Legacy.Expand(data.AsSpan(start, length), output);
            }
            else if (kind == CompressionKind.Xz && KernelXz.IsOne(data.AsSpan(start, length)))
            {
                KernelXz.Expand(data.AsSpan(start, length), output);
            }
            else
            {
                using var input = new MemoryStream(data, start, length, writable: false);
                using var expanding = Open(input, kind);
                expanding.CopyTo(output);
            }
        }
#pragma warning disable CA1031 // The libraries throw whatever they meet, index errors among it; all of it says that the data is damaged.
        catch (Exception e) when (e is not (InvalidDataException or OutOfMemoryException))
        {
            throw new InvalidDataException($"It is damaged ({e.Message}).", e);
        }
#pragma warning restore CA1031

        return output.GetBuffer().AsMemory(0, (int)output.Length);
    }

    private static Stream Open(MemoryStream input, CompressionKind kind)
    {
        switch (kind)
        {
            case CompressionKind.Gzip:
                return new GZipStream(input, CompressionMode.Decompress);
            case CompressionKind.Xz:
                return new XZStream(input);
            case CompressionKind.Zstd:
                var zstd = new DecompressionStream(input);
                zstd.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, LargestWindowLog);
                return zstd;
            case CompressionKind.Bzip2:
                return BZip2Stream.Create(input, SharpCompress.Compressors.CompressionMode.Decompress, false);
            case CompressionKind.Lzma:
                const int PropertiesLength = 5;
                const int SizeLength = 8;
                var properties = new byte[PropertiesLength];
                input.ReadExactly(properties);
                var size = new byte[SizeLength];
                input.ReadExactly(size);
                return LzmaStream.Create(properties, input, input.Length - input.Position, BitConverter.ToInt64(size));
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, null);
        }
    }
}
