using System.Buffers.Binary;

namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>Deflate's block without compression, not the last one (RFC 1951, section 3.2.4).</summary>
internal static class StoredBlock
{
    public const int HeaderSize = 5;

    /// <param name="content">At most 65,535 bytes.</param>
    public static byte[] Of(ReadOnlySpan<byte> content)
    {
        var block = new byte[HeaderSize + content.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(1), checked((ushort)content.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(3), (ushort)~content.Length);
        content.CopyTo(block.AsSpan(HeaderSize));
        return block;
    }
}
