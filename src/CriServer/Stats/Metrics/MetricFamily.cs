using Crisp.Cri.V1;

namespace Crisp.CriServer.Stats.Metrics;

/// <summary>One metric by its name, with the labels that each of its values has.</summary>
/// <param name="Labels">Beyond <see cref="BaseLabels"/>.</param>
public sealed record MetricFamily(string Name, string Help, MetricType Type, params IReadOnlyList<string> Labels)
{
    /// <summary>
    /// What the kubelet's cAdvisor endpoint has on every line, less name, which repeats the id. The kubelet passes labels on
    /// as they are, so that those of Kubernetes must come from here.
    /// </summary>
    public static IReadOnlyList<string> BaseLabels { get; } = ["id", "image", "namespace", "pod", "container"];

    public MetricDescriptor ToCri()
    {
        var descriptor = new MetricDescriptor { Name = Name, Help = Help };
        descriptor.LabelKeys.AddRange(BaseLabels);
        descriptor.LabelKeys.AddRange(Labels);
        return descriptor;
    }

    internal static MetricFamily Counter(string name, string help, params IReadOnlyList<string> labels)
        => new(name, help, MetricType.Counter, labels);

    internal static MetricFamily Gauge(string name, string help, params IReadOnlyList<string> labels)
        => new(name, help, MetricType.Gauge, labels);
}
