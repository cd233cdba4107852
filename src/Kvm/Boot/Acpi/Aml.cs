using System.Buffers.Binary;
using System.Text;

namespace Crisp.Kvm.Boot.Acpi;

/// <summary>The few words of the ACPI machine language that describe devices (ACPI 6.5, chapter 20). Each returns its bytes.</summary>
internal static class Aml
{
    private const byte ZeroOp = 0x00;
    private const byte OneOp = 0x01;
    private const byte NameOp = 0x08;
    private const byte BytePrefix = 0x0A;
    private const byte DWordPrefix = 0x0C;
    private const byte StringPrefix = 0x0D;
    private const byte ScopeOp = 0x10;
    private const byte BufferOp = 0x11;
    private const byte PackageOp = 0x12;
    private const byte ExtendedPrefix = 0x5B;
    private const byte DeviceOp = 0x82;

    /// <param name="name">4 characters, or a backslash and 4.</param>
    internal static byte[] Scope(string name, params byte[][] members) => [ScopeOp, .. WithLength([.. Encoding.ASCII.GetBytes(name), .. Join(members)])];

    /// <param name="name">4 characters.</param>
    internal static byte[] Device(string name, params byte[][] members)
        => [ExtendedPrefix, DeviceOp, .. WithLength([.. Encoding.ASCII.GetBytes(name), .. Join(members)])];

    /// <param name="name">4 characters, or a backslash and 4.</param>
    internal static byte[] Name(string name, byte[] value) => [NameOp, .. Encoding.ASCII.GetBytes(name), .. value];

    internal static byte[] Integer(byte value) => value switch
    {
        0 => [ZeroOp],
        1 => [OneOp],
        _ => [BytePrefix, value],
    };

    internal static byte[] Text(string text) => [StringPrefix, .. Encoding.ASCII.GetBytes(text), 0];

    internal static byte[] Package(params byte[][] elements) => [PackageOp, .. WithLength([(byte)elements.Length, .. Join(elements)])];

    /// <summary>EISAID: three letters, each in 5 bits, and four hexadecimal digits, in the byte order of the bus.</summary>
    internal static byte[] EisaId(string id)
    {
        var letters = (id[0] - '@') << 10 | (id[1] - '@') << 5 | (id[2] - '@');
        var value = (uint)letters << 16 | Convert.ToUInt16(id[3..], 16);
        return [DWordPrefix, .. BigEndian(value)];
    }

    /// <summary>A resource template: descriptors and their end.</summary>
    internal static byte[] Resources(params byte[][] descriptors)
    {
        byte[] content = [.. Join(descriptors), 0x79, 0x00];
        return [BufferOp, .. WithLength([.. Integer(checked((byte)content.Length)), .. content])];
    }

    /// <summary>An I/O port descriptor: 16 bits are decoded.</summary>
    internal static byte[] Ports(ushort first, byte count) => [0x47, 1, .. LittleEndian(first), .. LittleEndian(first), 1, count];

    /// <summary>A 32-bit fixed memory range descriptor: writable.</summary>
    internal static byte[] Memory(uint address, uint length) => [0x86, 9, 0, 1, .. LittleEndian(address), .. LittleEndian(length)];

    /// <summary>An extended interrupt descriptor: consumed, edge-triggered, active high, not shared.</summary>
    internal static byte[] EdgeInterrupt(uint gsi) => [0x89, 6, 0, 3, 1, .. LittleEndian(gsi)];

    private static byte[] Join(byte[][] parts) => [.. parts.SelectMany(p => p)];

    /// <summary>PkgLength, which counts itself.</summary>
    private static byte[] WithLength(byte[] content)
    {
        var length = content.Length + 1;
        if (length < 0x40)
        {
            return [(byte)length, .. content];
        }

        // 4 bits in the first byte, 8 in each that follows it.
        for (var more = 1; more <= 3; more++)
        {
            length = content.Length + 1 + more;
            if (length < 1 << (4 + 8 * more))
            {
                var bytes = new byte[1 + more];
                bytes[0] = (byte)(more << 6 | (length & 0xF));
                for (var i = 0; i < more; i++)
                {
                    bytes[1 + i] = (byte)(length >> (4 + 8 * i));
                }

                return [.. bytes, .. content];
            }
        }

        throw new ArgumentException($"A package of {content.Length} bytes has no length in AML.", nameof(content));
    }

    private static byte[] LittleEndian(ushort value) => [(byte)value, (byte)(value >> 8)];

    private static byte[] LittleEndian(uint value)
    {
        var bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] BigEndian(uint value)
    {
        var bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}
