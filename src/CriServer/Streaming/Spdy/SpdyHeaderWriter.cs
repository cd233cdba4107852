using System.Buffers.Binary;
using System.Text;

namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>
/// Writes header blocks of one direction of a connection. They are a few words each, so that they are stored and not
/// compressed: a valid zlib stream all the same, and nothing of an earlier block can be guessed from a later one's size
/// (CRIME).
/// </summary>
internal sealed class SpdyHeaderWriter
{
    // Deflate, window of 32 KiB, with a preset dictionary; a multiple of 31 (RFC 1950).
    private const ushort ZlibHeader = 0x7820;
    private bool _begun;

    /// <param name="headers">Names in lower case.</param>
    public byte[] Write(IReadOnlyCollection<KeyValuePair<string, string>> headers)
    {
        // The empty block is zlib's Z_SYNC_FLUSH: Go's inflate keeps what it has until it sees one.
        byte[] block = [.. StoredBlock.Of(Encode(headers)), .. StoredBlock.Of([])];
        if (_begun)
        {
            return block;
        }

        _begun = true;
        var prefix = new byte[6];
        BinaryPrimitives.WriteUInt16BigEndian(prefix, ZlibHeader);
        BinaryPrimitives.WriteUInt32BigEndian(prefix.AsSpan(2), SpdyDictionary.Id);
        return [.. prefix, .. block];
    }

    private static byte[] Encode(IReadOnlyCollection<KeyValuePair<string, string>> headers)
    {
        using var block = new MemoryStream();
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, headers.Count);
        block.Write(number);
        foreach (var (name, value) in headers)
        {
            foreach (var text in (string[])[name, value])
            {
                BinaryPrimitives.WriteInt32BigEndian(number, text.Length);
                block.Write(number);
                block.Write(Encoding.Latin1.GetBytes(text));
            }
        }

        return block.ToArray();
    }
}
