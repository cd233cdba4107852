using Crisp.CriServer.Hosting;
using Grpc.Core;
using Prometheus;

namespace Crisp.CriServer.Monitoring;

/// <summary>What the daemon counts of itself, for Prometheus. Pods' own metrics go through CRI, to the kubelet.</summary>
public sealed class DaemonMetrics
{
    // From a Status that answers from memory to a pull of a large image.
    private static readonly double[] _seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
    private readonly CollectorRegistry _registry = global::Prometheus.Metrics.NewCustomRegistry();
    private readonly Counter _calls;
    private readonly Histogram _durations;
    private readonly Gauge _inFlight;

    public DaemonMetrics()
    {
        Factory = global::Prometheus.Metrics.WithCustomRegistry(_registry);
        _calls = Factory.CreateCounter(
            "crisp_rpc_calls_total", "CRI calls that have ended, by method and gRPC status code.", ["method", "code"]);
        _durations = Factory.CreateHistogram(
            "crisp_rpc_duration_seconds",
            "How long calls took that have one answer. Streams last as long as their clients like and are not among them.",
            ["method"],
            new HistogramConfiguration { Buckets = _seconds });
        _inFlight = Factory.CreateGauge(
            "crisp_rpc_calls_in_flight", "CRI calls that have begun and not ended, streams among them, by method.", ["method"]);
        Factory.CreateGauge("crisp_build_info", "1, with the version of this daemon.", ["version"]).WithLabels(CrispVersion.Text).Set(1);
    }

    /// <summary>Makes further metrics in the daemon's registry.</summary>
    internal IMetricFactory Factory { get; }

    /// <summary>To be followed by <see cref="CallEnded"/>.</summary>
    /// <param name="method">/runtime.v1.RuntimeService/Version.</param>
    public void CallBegan(string method) => _inFlight.WithLabels(NameOf(method)).Inc();

    /// <param name="method">/runtime.v1.RuntimeService/Version.</param>
    /// <param name="duration">Null for a stream.</param>
    public void CallEnded(string method, StatusCode code, TimeSpan? duration)
    {
        var name = NameOf(method);
        _inFlight.WithLabels(name).Dec();
        _calls.WithLabels(name, code.ToString()).Inc();
        if (duration is { } time)
        {
            _durations.WithLabels(name).Observe(time.TotalSeconds);
        }
    }

    /// <summary>Called before each reading of the metrics, to bring them up to date.</summary>
    internal void BeforeReading(Action update) => _registry.AddBeforeCollectCallback(update);

    /// <summary>The same for what is asked of others.</summary>
    internal void BeforeReading(Func<CancellationToken, Task> update) => _registry.AddBeforeCollectCallback(update);

    /// <summary>All metrics in Prometheus's text format.</summary>
    public Task WriteAsync(Stream stream, CancellationToken cancellation) => _registry.CollectAndExportAsTextAsync(stream, cancellation);

    private static string NameOf(string method) => method[(method.LastIndexOf('/') + 1)..];
}
