using System.IO.Compression;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Crisp.Images.Archives;

/// <summary>Opens compressed archives by what their first bytes say; labels in the wild are wrong.</summary>
internal static class Decompression
{
    // zstd(1)'s own default: 128 MiB of window. More would let an archive choose how much memory the daemon takes.
    private const int LargestWindowLog = 27;
    private const int MagicLength = 6;

    /// <summary>The content of a stream that is plain or compressed by gzip or zstd.</summary>
    /// <param name="stream">Read from its beginning; not disposed with the result.</param>
    /// <param name="isCompressed">False when the result gives the very bytes of <paramref name="stream"/>.</param>
    /// <exception cref="ImageException">Compressed in another way.</exception>
    internal static Stream Open(Stream stream, out bool isCompressed)
    {
        var magic = new byte[MagicLength];
        var length = stream.ReadAtLeast(magic, MagicLength, throwOnEndOfStream: false);
        var whole = new PrefixedStream(magic.AsMemory(0, length), stream);
        var kind = magic.AsSpan(0, length);
        isCompressed = true;
        if (kind.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]))
        {
            return new GZipStream(whole, CompressionMode.Decompress);
        }

        if (kind.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD]) || IsSkippableFrame(kind))
        {
            var zstd = new DecompressionStream(whole, leaveOpen: false);
            zstd.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, LargestWindowLog);
            return zstd;
        }

        if (kind.StartsWith((ReadOnlySpan<byte>)[0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]) || kind.StartsWith("BZh"u8))
        {
            throw ImageException.Unsupported("The archive is compressed by xz or bzip2; images are compressed by gzip or zstd, or not at all.");
        }

        isCompressed = false;
        return whole;
    }

    /// <summary>Whether an exception of a decompressing stream says that the data is wrong.</summary>
    internal static bool IsBadData(Exception error) => error is InvalidDataException or ZstdException or EndOfStreamException;

    // RFC 8878, 3.1.2: 0x184D2A50 to 0x184D2A5F, little-endian.
    private static bool IsSkippableFrame(ReadOnlySpan<byte> kind)
        => kind.Length >= 4 && (kind[0] & 0xF0) == 0x50 && kind[1..4].SequenceEqual((ReadOnlySpan<byte>)[0x2A, 0x4D, 0x18]);
}
