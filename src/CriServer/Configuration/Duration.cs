using System.Globalization;
using System.Text;

namespace Crisp.CriServer.Configuration;

/// <summary>Times as people write them: <c>1h</c>, <c>1m30s</c>, <c>250ms</c>.</summary>
internal static class Duration
{
    private static readonly (string Name, TimeSpan Length)[] _units =
    [
        ("h", TimeSpan.FromHours(1)), ("m", TimeSpan.FromMinutes(1)), ("s", TimeSpan.FromSeconds(1)), ("ms", TimeSpan.FromMilliseconds(1)),
    ];

    /// <summary>A sum of whole numbers with units, the largest unit first, or 0. What is longer than a TimeSpan is none.</summary>
    public static bool TryParse(string text, out TimeSpan time)
    {
        time = TimeSpan.Zero;
        if (text == "0")
        {
            return true;
        }

        var rest = text.AsSpan();
        var next = 0;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits <= 0 || !int.TryParse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            {
                return false;
            }

            rest = rest[digits..];
            var letters = rest.IndexOfAnyInRange('0', '9') is >= 0 and var end ? end : rest.Length;
            var name = rest[..letters].ToString();
            var unit = Array.FindIndex(_units, next, u => u.Name == name);
            if (unit < 0 || count > (TimeSpan.MaxValue - time).Ticks / _units[unit].Length.Ticks)
            {
                return false;
            }

            time += _units[unit].Length * count;
            next = unit + 1;
            rest = rest[letters..];
        }

        return text.Length > 0;
    }

    /// <summary>The shortest text that <see cref="TryParse"/> reads as this time, which is a whole number of milliseconds.</summary>
    public static string Show(TimeSpan time)
    {
        var text = new StringBuilder();
        foreach (var (name, length) in _units)
        {
            var count = time.Ticks / length.Ticks;
            time -= length * count;
            text.Append(count > 0 ? string.Create(CultureInfo.InvariantCulture, $"{count}{name}") : "");
        }

        return text.Length > 0 ? text.ToString() : "0";
    }
}
