using System.Globalization;

namespace Crisp.CriServer.Configuration;

/// <summary>Sizes as people write them: <c>512M</c>, <c>2G</c>, <c>4096</c>. The letters are powers of 1024.</summary>
internal static class ByteSize
{
    private static readonly (char Letter, int Shift)[] _units = [('G', 30), ('M', 20), ('K', 10)];

    /// <summary>A whole number with at most one letter, in either case.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        var shift = text.Length == 0 ? 0 : _units.FirstOrDefault(u => u.Letter == char.ToUpperInvariant(text[^1])).Shift;
        var isNumber = long.TryParse(text.AsSpan(0, text.Length - (shift == 0 ? 0 : 1)), NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        bytes = number << shift;
        return isNumber && number <= long.MaxValue >> shift;
    }

    /// <summary>The shortest text that <see cref="TryParse"/> reads as this size.</summary>
    public static string Show(long bytes)
    {
        var (letter, shift) = _units.FirstOrDefault(u => bytes > 0 && bytes % (1L << u.Shift) == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{bytes >> shift}{(shift == 0 ? "" : letter)}");
    }
}
