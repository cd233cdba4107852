using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Crisp.Images;

/// <summary>
/// Measurements of pulls and layers for whoever listens, by System.Diagnostics.Metrics. While nobody does they cost nothing,
/// and this library knows nothing of who that may be.
/// </summary>
public static class ImageMeters
{
    /// <summary>The meter's name.</summary>
    public const string Name = "Crisp.Images";

    /// <summary>Seconds that a pull took; its tag says how it ended: done, failed or cancelled.</summary>
    public const string PullDuration = "pull.duration";

    /// <summary>The tag of <see cref="PullDuration"/>.</summary>
    public const string Result = "result";

    /// <summary>Seconds from a layer's first byte to its whole tree. In a pull that is one pass with the download.</summary>
    public const string LayerDuration = "layer.duration";

    /// <summary>Bytes of layers that were unpacked, as they came: compressed.</summary>
    public const string LayerBytes = "layer.bytes";

    private static readonly Meter _meter = new(Name);
    private static readonly Histogram<double> _pulls = _meter.CreateHistogram<double>(PullDuration, "s");
    private static readonly Histogram<double> _layers = _meter.CreateHistogram<double>(LayerDuration, "s");
    private static readonly Counter<long> _bytes = _meter.CreateCounter<long>(LayerBytes, "By");

    /// <summary>Runs a pull and measures it.</summary>
    internal static async Task<T> MeasurePullAsync<T>(Func<Task<T>> pull)
    {
        var start = Stopwatch.GetTimestamp();
        var result = "failed";
        try
        {
            var image = await pull();
            result = "done";
            return image;
        }
        catch (OperationCanceledException)
        {
            result = "cancelled";
            throw;
        }
        finally
        {
            _pulls.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, new KeyValuePair<string, object?>(Result, result));
        }
    }

    /// <param name="start">Of <see cref="Stopwatch.GetTimestamp"/>.</param>
    internal static void LayerUnpacked(long start, long bytes)
    {
        _layers.Record(Stopwatch.GetElapsedTime(start).TotalSeconds);
        _bytes.Add(bytes);
    }
}
