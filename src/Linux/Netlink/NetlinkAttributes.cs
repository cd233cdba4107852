using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Crisp.Linux;

/// <summary>Attributes (struct nlattr) one after the other, as they are read.</summary>
internal ref struct NetlinkAttributes(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Without the flags of its highest bits.</summary>
    internal ushort Type { get; private set; }

    internal ReadOnlySpan<byte> Value { get; private set; }

    internal readonly uint UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(Value);

    /// <summary>4 or 16 bytes.</summary>
    internal readonly IPAddress Address => new(Value);

    /// <summary>Up to its NUL.</summary>
    internal readonly string Text => Encoding.UTF8.GetString(Value[..(Value.IndexOf((byte)0) is var end and >= 0 ? end : Value.Length)]);

    /// <summary>Goes to the first attribute, and then to the next one.</summary>
    internal bool Next()
    {
        const ushort NlaTypeMask = 0x3FFF;
        if (_rest.Length < NetlinkRequest.AttributeHeaderSize)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt16LittleEndian(_rest);
        Type = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(_rest[2..]) & NlaTypeMask);
        Value = _rest[NetlinkRequest.AttributeHeaderSize..length];
        _rest = _rest[Math.Min(NetlinkRequest.Align(length), _rest.Length)..];
        return true;
    }
}
