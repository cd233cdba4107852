using System.Diagnostics;
using System.Globalization;

namespace Crisp.CriServer.CommandLine;

/// <summary>One line on a terminal that says how far long work is; nothing where nobody looks.</summary>
internal sealed class ProgressLines(TextWriter output, bool isTerminal) : IDisposable
{
    // Back to the line's beginning, and erase it (ECMA-48).
    private const string Erase = "\r\u001b[K";
    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(100);
    private readonly Dictionary<string, (long Done, long Total)> _parts = new(StringComparer.Ordinal);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _shown = -_interval;
    private bool _isDirty;

    public void Show(string part, long done, long total)
    {
        _parts[part] = (done, total);
        if (!isTerminal || _clock.Elapsed - _shown < _interval)
        {
            return;
        }

        _shown = _clock.Elapsed;
        _isDirty = true;
        var (sum, all) = (_parts.Values.Sum(p => p.Done), _parts.Values.Sum(p => p.Total));
        var finished = _parts.Values.Count(p => p.Done == p.Total);
        output.Write($"{Erase}{finished} of {_parts.Count} layers, {Megabytes(sum)} of {Megabytes(all)} MB");
    }

    public void Clear()
    {
        if (_isDirty)
        {
            output.Write(Erase);
            _isDirty = false;
        }
    }

    public void Dispose() => Clear();

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString("F1", CultureInfo.InvariantCulture);
}
