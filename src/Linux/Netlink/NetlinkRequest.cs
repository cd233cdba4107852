using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Crisp.Linux;

/// <summary>
/// A request of netlink(7), as it is written: struct nlmsghdr, the family's own structure, then attributes (struct nlattr).
/// Everything begins at a multiple of 4 bytes.
/// </summary>
internal sealed class NetlinkRequest
{
    internal const int HeaderSize = 16;
    internal const int AttributeHeaderSize = 4;

    private byte[] _bytes = new byte[256];
    private int _length = HeaderSize;

    /// <param name="type">RTM_*.</param>
    /// <param name="flags">NLM_F_* beside NLM_F_REQUEST.</param>
    /// <param name="header">The family's structure.</param>
    internal NetlinkRequest(ushort type, ushort flags, ReadOnlySpan<byte> header)
    {
        const ushort NlmFRequest = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(6), (ushort)(flags | NlmFRequest));
        Write(header);
    }

    internal NetlinkRequest Add(ushort type, ReadOnlySpan<byte> value)
    {
        Span<byte> header = stackalloc byte[AttributeHeaderSize];
        BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)(AttributeHeaderSize + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], type);
        Write(header);
        Write(value);
        return this;
    }

    internal NetlinkRequest Add(ushort type, byte value) => Add(type, [value]);

    internal NetlinkRequest Add(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Add(type, bytes);
    }

    /// <summary>In the order of the wire, 4 or 16 bytes; nothing for null.</summary>
    internal NetlinkRequest Add(ushort type, IPAddress? value) => value is null ? this : Add(type, value.GetAddressBytes());

    /// <summary>With its NUL.</summary>
    internal NetlinkRequest Add(ushort type, string value) => Add(type, Encoding.UTF8.GetBytes(value + '\0'));

    /// <summary>An attribute whose value is attributes, which <paramref name="write"/> adds.</summary>
    internal NetlinkRequest Nest(ushort type, Action<NetlinkRequest> write)
    {
        const ushort NlaFNested = 0x8000;
        var start = _length;
        Add(type, []);
        write(this);
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(start), (ushort)(_length - start));
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(start + 2), (ushort)(type | NlaFNested));
        return this;
    }

    /// <summary>The finished request.</summary>
    /// <param name="sequence">Comes back in what answers it.</param>
    internal ReadOnlySpan<byte> ToBytes(uint sequence)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes, (uint)_length);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(8), sequence);
        return _bytes.AsSpan(0, _length);
    }

    internal static int Align(int length) => (length + 3) & ~3;

    private void Write(ReadOnlySpan<byte> bytes)
    {
        var end = Align(_length + bytes.Length);
        if (end > _bytes.Length)
        {
            Array.Resize(ref _bytes, 2 * end);
        }

        bytes.CopyTo(_bytes.AsSpan(_length));
        _length = end;
    }
}
