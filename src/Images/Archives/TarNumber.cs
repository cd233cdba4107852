using System.Globalization;
using System.Text;
using Crisp.Linux;

namespace Crisp.Images.Archives;

/// <summary>Numbers in tar headers: octal text, GNU's base 256, and the decimal text of PAX.</summary>
internal static class TarNumber
{
    private const uint NanosecondsPerSecond = 1_000_000_000;
    private const int NanosecondDigits = 9;

    /// <summary>A field of a header block.</summary>
    internal static long Parse(ReadOnlySpan<byte> field, string what)
    {
        if ((field[0] & 0x80) != 0)
        {
            return ParseBase256(field, what);
        }

        return TryParseOctal(field, out var value) ? value : throw ImageException.Bad($"The archive's {what} is not an octal number.");
    }

    /// <summary>Digits with spaces or NULs around them; nothing at all is 0.</summary>
    internal static bool TryParseOctal(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        foreach (var digit in field.Trim(" \0"u8))
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                return false;
            }

            // Fields have at most 12 digits of three bits each: no overflow.
            value = (value << 3) | (uint)(digit - '0');
        }

        return true;
    }

    /// <summary>A decimal number of a PAX record.</summary>
    internal static long ParseDecimal(ReadOnlySpan<byte> text, string what)
        => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw ImageException.Bad($"The archive's PAX record \"{what}\" is not a number.");

    /// <summary>Seconds with an optional fraction, perhaps before 1970: -1.5 is 1.5 seconds before it.</summary>
    internal static Timestamp ParseTime(ReadOnlySpan<byte> text)
    {
        var bad = ImageException.Bad("The archive's PAX record \"mtime\" is not a time.");
        var point = text.IndexOf((byte)'.');
        var whole = point < 0 ? text : text[..point];
        var fraction = point < 0 ? [] : text[(point + 1)..];
        if (!long.TryParse(whole, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds) || fraction.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            throw bad;
        }

        var digits = Encoding.ASCII.GetString(fraction[..Math.Min(fraction.Length, NanosecondDigits)]).PadRight(NanosecondDigits, '0');
        var nanoseconds = uint.Parse(digits, CultureInfo.InvariantCulture);
        if (nanoseconds == 0 || whole[0] != (byte)'-')
        {
            return new Timestamp(seconds, nanoseconds);
        }

        return seconds > long.MinValue ? new Timestamp(seconds - 1, NanosecondsPerSecond - nanoseconds) : throw bad;
    }

    private static long ParseBase256(ReadOnlySpan<byte> field, string what)
    {
        // The first byte's high bit marks the encoding; what remains is a big-endian two's complement number.
        var negative = (field[0] & 0x40) != 0;
        Int128 value = negative ? -1 : 0;
        value = (value << 6) | (uint)(field[0] & 0x3F);
        foreach (var part in field[1..])
        {
            value = (value << 8) | part;
            if (value > long.MaxValue || value < long.MinValue)
            {
                throw ImageException.Bad($"The archive's {what} is larger than any file's.");
            }
        }

        return (long)value;
    }
}
