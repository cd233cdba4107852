using Crisp.Cgroups;
using Crisp.Cgroups.Polling;
using Crisp.Cri.V1;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;

namespace Crisp.CriServer.Stats;

/// <summary>Statistics of pods and containers, read when they are asked for.</summary>
/// <remarks>As with other runtimes a container that does not run has no processor and memory usage, only its writable layer.</remarks>
public sealed class StatsReader(Node node, TimeProvider time) : IDisposable
{
    // What CRI's messages have room for.
    private const StatsParts Parts = StatsParts.Cpu | StatsParts.Memory | StatsParts.Pids | StatsParts.Pressure;

    private readonly PolledCgroups _cgroups = new(node.Cgroups, time);
    private readonly long _start = time.GetTimestamp();

    internal LayerMeter Layers { get; } = new(node.LayerQuotas, node.Logger);

    public async Task<ContainerStats> ContainerAsync(LiveContainer container, CancellationToken cancellation)
    {
        var record = container.Record;
        var stats = new ContainerStats
        {
            Attributes = StatsView.Attributes(record),
            WritableLayer = StatsView.Layer(Layers.Get(container), node.Images.Mountpoint),
        };
        if (record.Stage != ContainerStage.Running || SourceOf(container) is not { } source)
        {
            return stats;
        }

        var usage = await source.ContainerAsync(record, Parts, cancellation);
        var timestamp = Node.Now();
        stats.Cpu = StatsView.Cpu(usage, Rate(container.Cpu, usage), timestamp);
        stats.Memory = StatsView.Memory(usage, timestamp);
        stats.Swap = StatsView.Swap(usage, timestamp);
        stats.Io = StatsView.Io(usage, timestamp);
        return stats;
    }

    /// <returns>Null for a pod that is not ready: it has no processes, and its counters are gone.</returns>
    public async Task<PodSandboxStats?> SandboxAsync(LiveSandbox sandbox, CancellationToken cancellation)
    {
        var record = sandbox.Record;
        if (record.Stage != SandboxStage.Ready || SourceOf(sandbox) is not { } source)
        {
            return null;
        }

        var usage = await source.PodAsync(Parts, cancellation);
        var timestamp = Node.Now();
        var linux = new LinuxPodSandboxStats
        {
            Cpu = StatsView.Cpu(usage.Cgroup, Rate(sandbox.Cpu, usage.Cgroup), timestamp),
            Memory = StatsView.Memory(usage.Cgroup, timestamp),
            Network = StatsView.Network(usage.Links, timestamp),
            Process = StatsView.Processes(usage.Cgroup, timestamp),
            Io = StatsView.Io(usage.Cgroup, timestamp),
        };
        // At once: a guest answers them as they come.
        linux.Containers.AddRange(await Task.WhenAll(sandbox.Containers.Values.Select(c => ContainerAsync(c, cancellation))));

        return new PodSandboxStats { Attributes = StatsView.Attributes(record), Linux = linux };
    }

    /// <summary>Where a pod's usage is read; null when it has no process any more.</summary>
    public IPodStats? SourceOf(LiveSandbox? sandbox) => sandbox?.Link?.StatsFrom(link =>
    {
        var stats = new NamespacePodStats(_cgroups, sandbox.Record.Spec.CgroupPath, link.Namespaces.GetValueOrDefault("net"));
        return new ReadablePodStats(sandbox.Record.Spec.Vm is null ? stats : new VmPodStats(link, stats), sandbox.Id, node.Logger);
    });

    public IPodStats? SourceOf(LiveContainer container) => SourceOf(node.Index.SandboxOf(container));

    public void Dispose()
    {
        Layers.Dispose();
        _cgroups.Dispose();
    }

    private ulong? Rate(CpuWindow window, CgroupStats usage) => usage.Cpu is { } cpu ? window.Add(time.GetElapsedTime(_start), cpu.Usage) : null;
}
