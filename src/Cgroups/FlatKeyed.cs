using System.Buffers.Text;
using System.Globalization;

namespace Crisp.Cgroups;

/// <summary>The forms of cgroup files (cgroup-v2.rst, "Interface Files"): single values and "KEY VALUE" lines.</summary>
internal static class FlatKeyed
{
    /// <summary>The number of a key, or 0 when there is no such line.</summary>
    public static ulong Get(ReadOnlySpan<byte> text, ReadOnlySpan<byte> key) => TryGet(text, key, out var value) ? value : 0;

    public static bool TryGet(ReadOnlySpan<byte> text, ReadOnlySpan<byte> key, out ulong value)
    {
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (line.Length > key.Length && line[key.Length] == ' ' && line.StartsWith(key))
            {
                return Utf8Parser.TryParse(line[(key.Length + 1)..], out value, out _);
            }
        }

        value = 0;
        return false;
    }

    /// <summary>A single number; "max" is the largest.</summary>
    public static ulong Number(ReadOnlySpan<byte> text)
        => Utf8Parser.TryParse(text, out ulong value, out _) ? value : text.StartsWith("max"u8) ? ulong.MaxValue : 0;

    /// <summary>A limit: -1 for "max", for v1's -1 and for v1's largest number of bytes, LONG_MAX rounded down to a page.</summary>
    public static long Limit(ReadOnlySpan<byte> text)
    {
        const long Unlimited = long.MaxValue - 65535;
        return Utf8Parser.TryParse(text, out long value, out _) && value < Unlimited ? value : -1;
    }

    public static Pressure? Pressure(ReadOnlySpan<byte> text)
    {
        PressureLine? some = null;
        PressureLine? full = null;
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (line.StartsWith("some "u8))
            {
                some = PressureLine(line);
            }
            else if (line.StartsWith("full "u8))
            {
                full = PressureLine(line);
            }
        }

        return some is null ? null : new Pressure(some, full);
    }

    /// <summary>VALUE of " KEY=VALUE" in a line, or empty.</summary>
    public static ReadOnlySpan<byte> Member(ReadOnlySpan<byte> line, ReadOnlySpan<byte> key)
    {
        foreach (var range in line.Split((byte)' '))
        {
            var word = line[range];
            if (word.Length > key.Length && word[key.Length] == '=' && word.StartsWith(key))
            {
                return word[(key.Length + 1)..];
            }
        }

        return default;
    }

    private static PressureLine PressureLine(ReadOnlySpan<byte> line)
        => new(Percent(line, "avg10"u8), Percent(line, "avg60"u8), Percent(line, "avg300"u8), Number(Member(line, "total"u8)));

    private static double Percent(ReadOnlySpan<byte> line, ReadOnlySpan<byte> key)
        => double.TryParse(Member(line, key), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : 0;
}
