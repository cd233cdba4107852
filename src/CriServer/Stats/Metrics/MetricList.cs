using Crisp.Cri.V1;
using Google.Protobuf.Collections;

namespace Crisp.CriServer.Stats.Metrics;

/// <summary>The values of one pod or container, as they are added.</summary>
/// <param name="baseLabels">Of <see cref="MetricFamily.BaseLabels"/>.</param>
internal sealed class MetricList(RepeatedField<Metric> metrics, params IReadOnlyList<string> baseLabels)
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    /// <summary>A value that was read for this answer: CRI then wants timestamp 0. Null is left out.</summary>
    public void Add(MetricFamily family, ulong? value, params IReadOnlyList<string> labels)
    {
        if (value is { } known)
        {
            AddAt(0, family, known, labels);
        }
    }

    /// <summary>A value that was read before.</summary>
    /// <param name="timestamp">Nanoseconds since the epoch.</param>
    public void AddAt(long timestamp, MetricFamily family, ulong value, params IReadOnlyList<string> labels)
    {
        var metric = new Metric { Name = family.Name, Timestamp = timestamp, MetricType = family.Type, Value = new UInt64Value { Value = value } };
        metric.LabelValues.AddRange(baseLabels);
        metric.LabelValues.AddRange(labels);
        metrics.Add(metric);
    }

    public void AddSeconds(MetricFamily family, ulong nanoseconds, params IReadOnlyList<string> labels)
        => Add(family, nanoseconds / NanosecondsPerSecond, labels);
}
