using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>
/// Reads compressed header blocks of one direction of a connection: they are pieces of one zlib stream, so that each must be
/// read, in order, whether anybody wants it or not.
/// </summary>
/// <remarks>
/// The dictionary is public and deflate expands a thousandfold, so that what counts is the size after inflation
/// (CVE-2026-43970). .NET has no call for preset dictionaries; but a raw deflate stream that begins with the dictionary in a
/// stored block has the same window afterwards.
/// </remarks>
internal sealed class SpdyHeaderReader : IDisposable
{
    /// <summary>Bytes of one inflated block.</summary>
    public const int MaxInflated = 16 << 10;

    public const int MaxHeaders = 64;

    private const int ZlibHeaderSize = 2;
    private const int DictionaryIdSize = 4;
    private readonly PieceStream _pieces = new();
    private readonly DeflateStream _inflate;
    private readonly byte[] _block = new byte[MaxInflated + 1];
    private bool _begun;

    public SpdyHeaderReader()
    {
        _inflate = new DeflateStream(_pieces, CompressionMode.Decompress);
        _pieces.Set(StoredBlock.Of(SpdyDictionary.Bytes));
        _inflate.ReadExactly(new byte[SpdyDictionary.Bytes.Length]);
    }

    /// <param name="compressed">The rest of a SYN_STREAM, SYN_REPLY or HEADERS frame.</param>
    /// <returns>Values by their lower-case names.</returns>
    /// <exception cref="SpdyException">No header block, or one beyond the bounds. The connection cannot go on.</exception>
    public IReadOnlyDictionary<string, string> Read(ReadOnlyMemory<byte> compressed)
    {
        _pieces.Set(_begun ? compressed : AfterZlibHeader(compressed.Span, compressed));
        _begun = true;
        return Parse(Inflate());
    }

    public void Dispose() => _inflate.Dispose();

    private static ReadOnlyMemory<byte> AfterZlibHeader(ReadOnlySpan<byte> bytes, ReadOnlyMemory<byte> whole)
    {
        const int Deflate = 8;
        const int Preset = 0x20;
        if (bytes.Length < ZlibHeaderSize || (bytes[0] & 0xF) != Deflate || BinaryPrimitives.ReadUInt16BigEndian(bytes) % 31 != 0)
        {
            throw new SpdyException("The first header block does not begin a zlib stream.");
        }

        if ((bytes[1] & Preset) == 0)
        {
            return whole[ZlibHeaderSize..];
        }

        if (bytes.Length < ZlibHeaderSize + DictionaryIdSize || BinaryPrimitives.ReadUInt32BigEndian(bytes[ZlibHeaderSize..]) != SpdyDictionary.Id)
        {
            throw new SpdyException("The header blocks are compressed with another dictionary than SPDY's.");
        }

        return whole[(ZlibHeaderSize + DictionaryIdSize)..];
    }

    private ReadOnlySpan<byte> Inflate()
    {
        var length = 0;
        try
        {
            for (int count; (count = _inflate.Read(_block, length, _block.Length - length)) > 0;)
            {
                length += count;
                if (length > MaxInflated)
                {
                    throw new SpdyException($"A header block has more than {MaxInflated} bytes.");
                }
            }
        }
        catch (InvalidDataException e)
        {
            throw new SpdyException("A header block cannot be decompressed.", e);
        }

        // What is left over comes after the end of the compressed stream.
        return _pieces.IsEmpty ? _block.AsSpan(0, length) : throw new SpdyException("A header block goes on after its end.");
    }

    private static Dictionary<string, string> Parse(ReadOnlySpan<byte> block)
    {
        var count = ReadNumber(ref block);
        if (count > MaxHeaders)
        {
            throw new SpdyException($"A header block has {count} headers; {MaxHeaders} are allowed.");
        }

        var headers = new Dictionary<string, string>((int)count);
        for (var i = 0; i < count; i++)
        {
            var name = ReadText(ref block);
            var value = ReadText(ref block);
            if (name.Length == 0 || name.Any(char.IsAsciiLetterUpper) || !headers.TryAdd(name, value))
            {
                throw new SpdyException("A header's name is empty, not in lower case, or there twice.");
            }
        }

        return block.IsEmpty ? headers : throw new SpdyException($"A header block has {block.Length} bytes too many.");
    }

    private static uint ReadNumber(ref ReadOnlySpan<byte> block)
    {
        if (!BinaryPrimitives.TryReadUInt32BigEndian(block, out var number))
        {
            throw new SpdyException("A header block is cut short.");
        }

        block = block[4..];
        return number;
    }

    private static string ReadText(ref ReadOnlySpan<byte> block)
    {
        var length = ReadNumber(ref block);
        if (length > (uint)block.Length)
        {
            throw new SpdyException("A header block is cut short.");
        }

        var text = Encoding.Latin1.GetString(block[..(int)length]);
        block = block[(int)length..];
        return text;
    }

    /// <summary>What there is of the compressed stream so far; its end is only the end of a piece.</summary>
    private sealed class PieceStream : Stream
    {
        private ReadOnlyMemory<byte> _piece;

        public bool IsEmpty => _piece.IsEmpty;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public void Set(ReadOnlyMemory<byte> piece) => _piece = piece;

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, _piece.Length);
            _piece.Span[..count].CopyTo(buffer);
            _piece = _piece[count..];
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
