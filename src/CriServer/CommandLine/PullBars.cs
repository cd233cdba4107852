using System.Diagnostics;
using System.Globalization;
using System.Text;
using Crisp.Api.V1;

namespace Crisp.CriServer.CommandLine;

/// <summary>One bar for each layer of a pull, redrawn in place; nothing where nobody looks.</summary>
/// <remarks>In a bar, = is unpacked and - is downloaded and waiting.</remarks>
/// <param name="size">The terminal's now; null where there is none.</param>
internal sealed class PullBars(TextWriter output, Func<ScreenSize?> size)
{
    private const int Width = 30;
    private const int DigestDigits = 12;

    /// <summary>What is drawn more often is not seen.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly List<PullProgress> _layers = [];
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _shown = -Interval;
    private int _lines;

    public void Show(PullProgress layer)
    {
        var place = _layers.FindIndex(l => l.Layer == layer.Layer);
        if (place < 0)
        {
            _layers.Add(layer);
        }
        else
        {
            _layers[place] = layer;
        }

        Refresh();
    }

    /// <summary>Draws what has changed since, where nothing was drawn for a moment.</summary>
    public void Refresh()
    {
        if (_layers.Count > 0 && _clock.Elapsed - _shown >= Interval && size() is { } screen)
        {
            _shown = _clock.Elapsed;
            Draw(screen);
        }
    }

    /// <summary>Leaves the screen as it was.</summary>
    public void Clear()
    {
        if (_lines > 0)
        {
            output.Write(Back());
            output.Flush();
            _lines = 0;
        }
    }

    private void Draw(ScreenSize screen)
    {
        var text = new StringBuilder(Back());
        // What would scroll away could not be redrawn: the layers that are done give way, the rest is counted in the last line.
        var room = Math.Max(1, screen.Rows - 2);
        var shown = _layers.Count <= room ? _layers : [.. _layers.Where(l => l.Unpacked < l.Total).Take(room)];
        foreach (var layer in shown)
        {
            text.Append(screen.Cut(Line(layer))).Append('\n');
        }

        var (downloaded, total) = (_layers.Sum(l => l.Downloaded), _layers.Sum(l => l.Total));
        var done = _layers.Count(l => l.Unpacked == l.Total);
        var seconds = Math.Max(0.001, _clock.Elapsed.TotalSeconds);
        text.Append(screen.Cut(string.Create(
            CultureInfo.InvariantCulture,
            $"{done} of {_layers.Count} layers, {Megabytes(downloaded)} of {Megabytes(total)} MB, {downloaded / seconds / 1e6:F1} MB/s"))).Append('\n');
        output.Write(text);
        output.Flush();
        _lines = shown.Count + 1;
    }

    // ECMA-48: up to the first line, and erase from there.
    private string Back() => _lines == 0 ? "" : $"\u001b[{_lines}A\r\u001b[J";

    private static string Line(PullProgress layer)
    {
        var colon = layer.Layer.IndexOf(':', StringComparison.Ordinal) + 1;
        var name = layer.Layer.AsSpan(colon, Math.Min(DigestDigits, layer.Layer.Length - colon));
        var (unpacked, downloaded) = (Cells(layer.Unpacked, layer.Total), Cells(layer.Downloaded, layer.Total));
        var bar = $"{new string('=', unpacked)}{new string('-', downloaded - unpacked)}".PadRight(Width);
        return $"{name} [{bar}] {Megabytes(layer.Downloaded)} of {Megabytes(layer.Total)} MB";
    }

    private static int Cells(long part, long total) => total <= 0 ? Width : (int)Math.Clamp(part * Width / total, 0, Width);

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString("F1", CultureInfo.InvariantCulture);
}
