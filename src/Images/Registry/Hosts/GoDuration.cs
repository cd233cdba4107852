using System.Buffers;
using System.Globalization;

namespace Crisp.Images.Registry.Hosts;

/// <summary>Durations as Go's time.ParseDuration reads them: 1m30s, 1.5h, 500ms.</summary>
internal static class GoDuration
{
    private static readonly SearchValues<char> _number = SearchValues.Create("0123456789.");

    private static readonly (string Unit, double Seconds)[] _units =
    [
        ("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600),
    ];

    /// <summary>Positive durations of up to a day; nothing here waits longer.</summary>
    internal static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var seconds = 0.0;
        var rest = text.AsSpan();
        if (rest.IsEmpty)
        {
            return false;
        }

        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(_number);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            rest = rest[digits..];
            var letters = rest.IndexOfAny(_number);
            var unit = letters < 0 ? rest : rest[..letters];
            var factor = 0.0;
            foreach (var (name, value) in _units)
            {
                factor = unit.SequenceEqual(name) ? value : factor;
            }

            seconds += number * factor;
            rest = rest[unit.Length..];
            if (factor == 0)
            {
                return false;
            }
        }

        if (seconds is <= 0 or > 86_400)
        {
            return false;
        }

        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }
}
