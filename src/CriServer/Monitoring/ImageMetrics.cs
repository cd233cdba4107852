using System.Diagnostics.Metrics;
using Crisp.Images;
using Prometheus;

namespace Crisp.CriServer.Monitoring;

/// <summary>What <see cref="ImageMeters"/> tells of pulls and layers, for Prometheus.</summary>
internal sealed class ImageMetrics : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Histogram _pulls;
    private readonly Histogram _layers;
    private readonly Counter _bytes;

    public ImageMetrics(DaemonMetrics metrics)
    {
        double[] seconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];
        _pulls = metrics.Factory.CreateHistogram(
            "crisp_image_pull_duration_seconds", "How long pulls took, by how they ended.", ["result"], new HistogramConfiguration { Buckets = seconds });
        _layers = metrics.Factory.CreateHistogram(
            "crisp_image_layer_unpack_duration_seconds",
            "From a layer's first byte to its whole tree; in a pull that is one pass with the download.",
            new HistogramConfiguration { Buckets = seconds });
        _bytes = metrics.Factory.CreateCounter("crisp_image_layer_bytes_total", "Bytes of layers that were unpacked, as they came: compressed.");
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == ImageMeters.Name)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument.Name, value, tags));
        _listener.SetMeasurementEventCallback<long>((_, value, _, _) => _bytes.Inc(value));
        _listener.Start();
    }

    public void Dispose() => _listener.Dispose();

    private void Take(string instrument, double seconds, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (instrument == ImageMeters.PullDuration)
        {
            _pulls.WithLabels(tags[0].Value?.ToString() ?? "").Observe(seconds);
        }
        else
        {
            _layers.Observe(seconds);
        }
    }
}
