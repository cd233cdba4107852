using System.Buffers.Binary;

namespace Crisp.Sandbox.Protocol;

/// <summary>The third field of a frame's header.</summary>
public enum FrameType : byte
{
    Request = 1,
    Response = 2,
    Data = 3,
}

/// <summary>The ten bytes before each payload (https://github.com/containerd/ttrpc, PROTOCOL.md), big-endian.</summary>
/// <param name="Length">Bytes of payload, at most <see cref="MaxPayload"/>.</param>
/// <param name="StreamId">Odd, since clients begin every call; never 0.</param>
/// <param name="Flags">Of the streaming calls, which this protocol does not have: always 0.</param>
public readonly record struct FrameHeader(int Length, uint StreamId, FrameType Type, byte Flags)
{
    public const int Size = 10;

    /// <summary>4 MiB, ttrpc's own limit.</summary>
    public const int MaxPayload = 4 << 20;

    /// <exception cref="ProtocolException">A field is outside of its range.</exception>
    public static FrameHeader Parse(ReadOnlySpan<byte> bytes)
    {
        var length = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        var stream = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        var type = (FrameType)bytes[8];
        var flags = bytes[9];
        if (length > MaxPayload)
        {
            throw new ProtocolException($"A frame announces {length} bytes, more than the {MaxPayload} allowed.");
        }

        if (stream % 2 == 0)
        {
            throw new ProtocolException($"A frame has the stream id {stream}, which no client gives.");
        }

        if (type is not (FrameType.Request or FrameType.Response))
        {
            throw new ProtocolException($"A frame has the type {bytes[8]}; only requests (1) and responses (2) are known.");
        }

        return flags == 0
            ? new FrameHeader((int)length, stream, type, flags)
            : throw new ProtocolException($"A frame has the flags {flags}, which belong to streaming calls.");
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteInt32BigEndian(destination, Length);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], StreamId);
        destination[8] = (byte)Type;
        destination[9] = Flags;
    }
}
