using System.Buffers.Binary;

namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>Types of control frames (SPDY draft 3.1, section 2.6).</summary>
internal enum SpdyFrameType : ushort
{
    SynStream = 1,
    SynReply = 2,
    RstStream = 3,
    Settings = 4,
    Ping = 6,
    GoAway = 7,
    Headers = 8,
    WindowUpdate = 9,
}

[Flags]
internal enum SpdyFlags : byte
{
    None = 0,

    /// <summary>The sender sends no more on this stream.</summary>
    Fin = 1,

    /// <summary>SYN_STREAM: the receiver sends nothing on this stream.</summary>
    Unidirectional = 2,
}

/// <summary>Why a stream is reset (RST_STREAM, section 2.6.3).</summary>
internal enum SpdyReset : uint
{
    ProtocolError = 1,
    InvalidStream = 2,
    RefusedStream = 3,
    Cancel = 5,
    FlowControlError = 7,
    StreamInUse = 8,
}

/// <summary>Why a connection ends (GOAWAY, section 2.6.6).</summary>
internal enum SpdyGoAway : uint
{
    Ok = 0,
    ProtocolError = 1,
    InternalError = 2,
}

/// <summary>The 8 bytes before every frame's payload, big-endian.</summary>
/// <param name="Type">Null for data.</param>
/// <param name="StreamId">Of data; 31 bits.</param>
/// <param name="Length">Bytes of payload, 0 to 2^24 - 1.</param>
internal readonly record struct SpdyFrame(SpdyFrameType? Type, uint StreamId, SpdyFlags Flags, int Length)
{
    public const int HeaderSize = 8;

    public const int MaxLength = (1 << 24) - 1;

    public const uint StreamIdMask = 0x7FFF_FFFF;

    private const ushort Version = 3;
    private const uint ControlBit = 0x8000_0000;

    /// <exception cref="SpdyException">A control frame of another version.</exception>
    public static SpdyFrame Parse(ReadOnlySpan<byte> header)
    {
        var first = BinaryPrimitives.ReadUInt32BigEndian(header);
        var second = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        var flags = (SpdyFlags)(second >> 24);
        var length = (int)(second & MaxLength);
        if ((first & ControlBit) == 0)
        {
            return new SpdyFrame(null, first, flags, length);
        }

        var version = (first >> 16) & 0x7FFF;
        return version == Version
            ? new SpdyFrame((SpdyFrameType)(ushort)first, 0, flags, length)
            : throw new SpdyException($"A control frame is of version {version} of SPDY, and not {Version}.");
    }

    public void Write(Span<byte> header)
    {
        var first = Type is { } type ? ControlBit | ((uint)Version << 16) | (ushort)type : StreamId;
        BinaryPrimitives.WriteUInt32BigEndian(header, first);
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], ((uint)Flags << 24) | (uint)Length);
    }
}
