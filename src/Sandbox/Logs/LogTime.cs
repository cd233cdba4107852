using System.Globalization;

namespace Crisp.Sandbox.Logs;

/// <summary>Times as CRI logs have them, <c>2006-01-02T15:04:05.000000000Z</c>. Not for several threads.</summary>
internal sealed class LogTime
{
    public const int Length = 30;

    private const int SecondsLength = 19;
    private readonly byte[] _second = new byte[SecondsLength];
    private long _formatted = -1;

    /// <summary>Writes <see cref="Length"/> bytes. Seconds are formatted once for all the lines that fall into them.</summary>
    public void Write(DateTime utc, Span<byte> destination)
    {
        var (second, fraction) = Math.DivRem(utc.Ticks, TimeSpan.TicksPerSecond);
        if (second != _formatted)
        {
            utc.TryFormat(_second, out _, "yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
            _formatted = second;
        }

        _second.CopyTo(destination);
        destination[SecondsLength] = (byte)'.';

        // The clock tells tenths of a microsecond: seven digits, and two zeros to make nanoseconds.
        for (var i = SecondsLength + 7; i > SecondsLength; i--)
        {
            (fraction, var digit) = Math.DivRem(fraction, 10);
            destination[i] = (byte)('0' + digit);
        }

        "00Z"u8.CopyTo(destination[(SecondsLength + 8)..]);
    }
}
