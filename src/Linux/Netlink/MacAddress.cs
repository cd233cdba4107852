using System.Buffers.Binary;
using System.Globalization;

namespace Crisp.Linux;

/// <summary>An Ethernet address of 48 bits, written as 02:42:ac:11:00:02.</summary>
public readonly record struct MacAddress
{
    public const int Size = 6;

    private readonly ulong _bits;

    /// <param name="bytes">6, in the order of the wire.</param>
    public MacAddress(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size, nameof(bytes));
        Span<byte> wide = stackalloc byte[sizeof(ulong)];
        bytes.CopyTo(wide[2..]);
        _bits = BinaryPrimitives.ReadUInt64BigEndian(wide);
    }

    /// <exception cref="FormatException">Not six numbers of two hexadecimal digits with colons between them.</exception>
    public static MacAddress Parse(string text)
    {
        var parts = text.Split(':');
        Span<byte> bytes = stackalloc byte[Size];
        for (var i = 0; i < Size; i++)
        {
            if (parts.Length != Size || parts[i].Length != 2
                || !byte.TryParse(parts[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[i]))
            {
                throw new FormatException($"\"{text}\" is no Ethernet address.");
            }
        }

        return new MacAddress(bytes);
    }

    public byte[] ToBytes()
    {
        Span<byte> wide = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(wide, _bits);
        return wide[2..].ToArray();
    }

    public override string ToString() => string.Join(':', ToBytes().Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
}
