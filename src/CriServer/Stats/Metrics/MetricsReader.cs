using Crisp.Cgroups;
using Crisp.Cri.V1;
using Crisp.CriServer.State;
using Crisp.Linux;

namespace Crisp.CriServer.Stats.Metrics;

/// <summary>The metrics of one pod and its containers, read when they are asked for.</summary>
public sealed class MetricsReader(StatsReader stats)
{
    // The pod's own lines are those of its network; cAdvisor names the container of these so.
    private const string PodItself = "POD";

    /// <returns>Null for a pod that is not ready.</returns>
    public async Task<PodSandboxMetrics?> SandboxAsync(LiveSandbox sandbox, CancellationToken cancellation)
    {
        var record = sandbox.Record;
        if (record.Stage != SandboxStage.Ready || stats.SourceOf(sandbox) is not { } source)
        {
            return null;
        }

        var metrics = new PodSandboxMetrics { PodSandboxId = record.Id };
        var usage = await source.PodAsync(StatsParts.None, cancellation);
        var list = new MetricList(metrics.Metrics, record.Id, "", record.Metadata.Namespace, record.Metadata.Name, PodItself);
        foreach (var link in usage.Links?.Where(l => !l.IsLoopback) ?? [])
        {
            Add(list, link);
        }

        // At once: a guest answers them as they come.
        var running = sandbox.Containers.Values.Where(c => c.Record.Stage == ContainerStage.Running);
        metrics.ContainerMetrics.AddRange(await Task.WhenAll(running.Select(c => ContainerAsync(c, record.Metadata, source, cancellation))));

        return metrics;
    }

    private async Task<ContainerMetrics> ContainerAsync(
        LiveContainer container, SandboxName pod, IPodStats source, CancellationToken cancellation)
    {
        var record = container.Record;
        var image = record.Image.UserSpecified.Length > 0 ? record.Image.UserSpecified : record.Image.Requested;
        var metrics = new ContainerMetrics { ContainerId = record.Id };
        var list = new MetricList(metrics.Metrics, record.Id, image, pod.Namespace, pod.Name, record.Metadata.Name);
        var details = await source.DetailsAsync(record, cancellation);
        var usage = details.Usage;
        ContainerMetricsBuilder.AddState(list, record);
        ContainerMetricsBuilder.AddUsage(list, usage);
        if (details.Processes is { } processes)
        {
            ContainerMetricsBuilder.AddProcesses(list, usage, processes);
        }

        if (details.Limits is { } limits)
        {
            ContainerMetricsBuilder.AddLimits(list, limits, usage.Memory?.Detail?.Reservation);
        }

        AddLayer(list, container);
        return metrics;
    }

    private void AddLayer(MetricList list, LiveContainer container)
    {
        if (LayerMeter.PathOf(container.Record) is not { } layer)
        {
            return;
        }

        try
        {
            ContainerMetricsBuilder.AddLayer(list, layer, stats.Layers.Get(container));
        }
        catch (LinuxException e)
        {
            stats.Layers.Tell(container, e);
        }
    }

    private static void Add(MetricList list, LinkCounters link)
    {
        list.Add(MetricFamilies.ReceivedBytes, link.ReceivedBytes, link.Name);
        list.Add(MetricFamilies.ReceivedPackets, link.ReceivedPackets, link.Name);
        list.Add(MetricFamilies.ReceiveErrors, link.ReceiveErrors, link.Name);
        list.Add(MetricFamilies.ReceiveDropped, link.ReceiveDropped, link.Name);
        list.Add(MetricFamilies.SentBytes, link.SentBytes, link.Name);
        list.Add(MetricFamilies.SentPackets, link.SentPackets, link.Name);
        list.Add(MetricFamilies.SendErrors, link.SendErrors, link.Name);
        list.Add(MetricFamilies.SendDropped, link.SendDropped, link.Name);
    }
}
