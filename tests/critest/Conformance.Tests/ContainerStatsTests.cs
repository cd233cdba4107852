using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's specs about statistics of containers and about CRI's metrics.</summary>
public sealed class ContainerStatsTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task Stats_AreThoseOfTheContainer()
    {
        var container = await Cri.RunAsync(["sleep", "1000"], c => c.Labels.Add("tier", "front"));
        await Cri.ExecAsync(container, "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; dd if=/dev/zero of=/file bs=64k count=4");
        var stats = (await Cri.Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = container })).Stats;
        Assert.Equal((container, "front"), (stats.Attributes.Id, stats.Attributes.Labels.GetValueOrDefault("tier")));
        Assert.True(stats.Cpu?.UsageCoreNanoSeconds?.Value > 0);
        Assert.True(stats.Memory?.WorkingSetBytes?.Value > 0);
        Assert.True(stats.Cpu.Timestamp > 0 && stats.Memory.Timestamp > 0);
    }

    [Fact]
    public async Task WritableLayer_IsCounted()
    {
        var container = await Cri.RunAsync(["sh", "-c", "dd if=/dev/zero of=/file bs=64k count=16; sync; sleep 1000"]);
        await Cri.ExecAsync(container, "sh", "-c", "until [ $(stat -c %s /file) = 1048576 ]; do sleep 0.05; done");
        for (var tries = 0; await LayerAsync(container) < 1 << 20; tries++)
        {
            Assert.True(tries < 300, "The writable layer's size stays too small.");
            await Task.Delay(50);
        }
    }

    [Fact]
    public async Task List_IsFilteredByIdPodAndLabels()
    {
        var pod = await Cri.PodAsync();
        var one = await Cri.LaunchAsync(pod, ["sleep", "1000"], c => c.Labels.Add("tier", Cri.Id));
        var two = await Cri.SleeperAsync(pod);
        Assert.Equal([one], await ListAsync(new ContainerStatsFilter { Id = one }));
        Assert.Equal([one], await ListAsync(new ContainerStatsFilter { LabelSelector = { ["tier"] = Cri.Id } }));
        Assert.Equivalent(new[] { one, two }, await ListAsync(new ContainerStatsFilter { PodSandboxId = pod }), strict: true);
        Assert.Superset(new HashSet<string> { one, two }, (await ListAsync(null)).ToHashSet());
    }

    [Fact]
    public async Task PodStats_HaveThePodsContainers()
    {
        var pod = await Cri.PodAsync();
        var container = await Cri.SleeperAsync(pod);
        var stats = (await Cri.Runtime.PodSandboxStatsAsync(new PodSandboxStatsRequest { PodSandboxId = pod })).Stats;
        Assert.Equal(pod, stats.Attributes.Id);
        Assert.Equal([container], stats.Linux.Containers.Select(c => c.Attributes.Id));
        Assert.True(stats.Linux.Memory?.WorkingSetBytes?.Value > 0);
    }

    [Fact]
    public async Task Metrics_FitTheirDescriptors()
    {
        var container = await Cri.SleeperAsync(await Cri.PodAsync());
        var descriptors = (await NewInApi("v0.26", async () => await Cri.Runtime.ListMetricDescriptorsAsync(new ListMetricDescriptorsRequest())))
            .Descriptors.ToDictionary(d => d.Name);
        Assert.Contains("container_cpu_usage_seconds_total", descriptors.Keys);
        Assert.Contains("container_memory_working_set_bytes", descriptors.Keys);
        var metrics = (await Cri.Runtime.ListPodSandboxMetricsAsync(new ListPodSandboxMetricsRequest())).PodMetrics
            .SelectMany(p => p.ContainerMetrics).Where(c => c.ContainerId == container).SelectMany(c => c.Metrics).ToList();
        Assert.Contains("container_memory_working_set_bytes", metrics.Select(m => m.Name));
        Assert.All(metrics, m => Assert.Equal(descriptors[m.Name].LabelKeys.Count, m.LabelValues.Count));
    }

    [Fact]
    public async Task Stream_HasEachContainerOnce()
    {
        var container = await Cri.SleeperAsync(await Cri.PodAsync());
        var found = await NewInApi("v0.36", () => Cri.Runtime.StreamContainerStats(new StreamContainerStatsRequest())
            .ResponseStream.ReadAllAsync().SelectMany(m => m.ContainerStats).Select(s => s.Attributes.Id).ToListAsync().AsTask());
        Assert.Single(found, container);
    }

    private async Task<ulong> LayerAsync(string container)
        => (await Cri.Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = container })).Stats.WritableLayer?.UsedBytes?.Value ?? 0;

    private async Task<List<string>> ListAsync(ContainerStatsFilter? filter)
        => [.. (await Cri.Runtime.ListContainerStatsAsync(new ListContainerStatsRequest { Filter = filter })).Stats.Select(s => s.Attributes.Id)];
}
