using Google.Protobuf;

namespace Crisp.Sandbox.Protocol;

/// <summary>Cuts what arrives from a socket, in pieces of any size, into frames. Not for several threads.</summary>
/// <remarks>
/// Memory grows only with what has really arrived, never with what a header announces, and shrinks again once a large
/// frame is done: a connection at rest costs <see cref="RestSize"/> bytes.
/// </remarks>
public sealed class FrameBuffer(FrameType expected)
{
    private const int RestSize = 4096;
    private byte[] _bytes = new byte[RestSize];
    private int _start;
    private int _end;

    /// <summary>Room for the next read, at least one byte; say with <see cref="Advance"/> how much came.</summary>
    public Memory<byte> Room()
    {
        if (_start > 0)
        {
            _bytes.AsSpan(_start, _end - _start).CopyTo(_bytes);
            _end -= _start;
            _start = 0;
        }

        if (_end == 0 && _bytes.Length > RestSize)
        {
            _bytes = new byte[RestSize];
        }
        else if (_end == _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Min(_bytes.Length * 2, FrameHeader.Size + FrameHeader.MaxPayload));
        }

        return _bytes.AsMemory(_end);
    }

    /// <summary>So many bytes were written to the start of <see cref="Room"/>.</summary>
    public void Advance(int count) => _end += count;

    /// <summary>The next whole frame, if it is there. Its payload is valid until the next <see cref="Room"/>.</summary>
    /// <exception cref="ProtocolException">The bytes are no frame; the connection cannot be used any more.</exception>
    public bool TryTake(out FrameHeader header, out ReadOnlySpan<byte> payload)
    {
        header = default;
        payload = default;
        if (_end - _start < FrameHeader.Size)
        {
            return false;
        }

        var parsed = FrameHeader.Parse(_bytes.AsSpan(_start));
        if (parsed.Type != expected)
        {
            throw new ProtocolException($"A frame of type {parsed.Type} came where only {expected} may come.");
        }

        if (_end - _start - FrameHeader.Size < parsed.Length)
        {
            return false;
        }

        header = parsed;
        payload = _bytes.AsSpan(_start + FrameHeader.Size, parsed.Length);
        _start += FrameHeader.Size + parsed.Length;
        return true;
    }

    /// <summary>A whole frame around a message.</summary>
    /// <exception cref="SandboxException">The message is larger than a frame may be.</exception>
    public static byte[] Encode(uint streamId, FrameType type, IMessage message)
    {
        var length = message.CalculateSize();
        if (length > FrameHeader.MaxPayload)
        {
            throw new SandboxException(
                RpcCode.ResourceExhausted, $"A message of {length} bytes is larger than the {FrameHeader.MaxPayload} that a frame holds.");
        }

        var frame = new byte[FrameHeader.Size + length];
        new FrameHeader(length, streamId, type, 0).Write(frame);
        message.WriteTo(frame.AsSpan(FrameHeader.Size));
        return frame;
    }
}
