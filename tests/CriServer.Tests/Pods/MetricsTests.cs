using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>What the public validation suite asks of metrics (cri-tools, pkg/validate/pod.go), and whether the values are true.</summary>
public sealed class MetricsTests(PodNode node) : IClassFixture<PodNode>
{
    // What the suite lets a runtime or a machine go without.
    private static readonly string[] _optional =
    [
        "container_blkio_device_usage_total", "container_fs_reads_bytes_total", "container_fs_reads_total", "container_fs_writes_bytes_total",
        "container_fs_writes_total", "container_hugetlb_max_usage_bytes", "container_hugetlb_usage_bytes",
    ];

    [Fact]
    public async Task EveryDescriptor_HasValuesWithItsLabels()
    {
        PodNode.Require();
        var pod = await PodNetwork.RunPodAsync(node);
        var container = await LimitedAsync(pod);
        var descriptors = (await node.Runtime.ListMetricDescriptorsAsync(new ListMetricDescriptorsRequest())).Descriptors;
        var metrics = await OfAsync(pod);
        var values = metrics.Metrics.Concat(metrics.ContainerMetrics.SelectMany(c => c.Metrics)).ToLookup(m => m.Name);
        Assert.Empty(descriptors.Select(d => d.Name).Where(n => !values.Contains(n)).Except(Optional()));
        Assert.All(descriptors, d => Assert.All(values[d.Name], m => Assert.Equal(d.LabelKeys.Count, m.LabelValues.Count)));
        Assert.Equal(container, Assert.Single(metrics.ContainerMetrics).ContainerId);
        Assert.Equal(["eth0", "peer"], values["container_network_receive_bytes_total"].Select(m => m.LabelValues[^1]).Order());
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Values_AreThoseOfTheContainer()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await LimitedAsync(pod);
        var metrics = await OfAsync(pod);
        Assert.Empty(metrics.Metrics);
        var values = Assert.Single(metrics.ContainerMetrics).Metrics.ToLookup(m => m.Name, m => m.Value.Value);
        ulong Value(string name) => Assert.Single(values[name]);
        Assert.Equal((100_000UL, 20_000UL, 1024UL), (Value("container_spec_cpu_period"), Value("container_spec_cpu_quota"), Value("container_spec_cpu_shares")));
        Assert.Equal(64UL << 20, Value("container_spec_memory_limit_bytes"));
        Assert.Equal((2UL, 2UL), (Value("container_processes"), Value("container_threads")));
        Assert.True(Value("container_file_descriptors") >= 6);
        Assert.True(Value("container_memory_max_usage_bytes") >= Value("container_memory_working_set_bytes"));
        var status = await node.StatusAsync(container);
        Assert.Equal((ulong)status.StartedAt / 1_000_000_000, Value("container_start_time_seconds"));
        Assert.InRange(Value("container_last_seen"), Value("container_start_time_seconds"), (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        Assert.True(Value("container_fs_usage_bytes") >= 1 << 20);
        Assert.All(metrics.ContainerMetrics[0].Metrics, m => Assert.Equal(
            [container, TestImage.Busybox, "default", status.Metadata.Name], [m.LabelValues[0], m.LabelValues[1], m.LabelValues[2], m.LabelValues[4]]));
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Stream_HasEachReadyPodOnce()
    {
        PodNode.Require();
        var pods = new List<string>();
        for (var i = 0; i < 12; i++)
        {
            pods.Add(await node.RunPodAsync());
        }

        await node.StopPodAsync(pods[3]);
        var messages = await node.Runtime.StreamPodSandboxMetrics(new StreamPodSandboxMetricsRequest()).ResponseStream.ReadAllAsync().ToListAsync();
        Assert.All(messages, m => Assert.NotEmpty(m.PodSandboxMetrics));
        Assert.Equal(
            pods.Where(p => p != pods[3]).Order(),
            messages.SelectMany(m => m.PodSandboxMetrics).Select(m => m.PodSandboxId).Where(pods.Contains).Order());
        foreach (var pod in pods)
        {
            await node.RemovePodAsync(pod);
        }
    }

    // As the suite's: every limit set, and some files written.
    private async Task<string> LimitedAsync(string pod)
    {
        var container = await node.LaunchAsync(pod, ["sh", "-c", "sleep 1000 & wait"], c => c.Linux.Resources = new LinuxContainerResources
        {
            CpuPeriod = 100_000,
            CpuQuota = 20_000,
            CpuShares = 1024,
            MemoryLimitInBytes = 64 << 20,
            MemorySwapLimitInBytes = 64 << 20,
        });
        Assert.Equal(0, (await node.ExecAsync(container, "sh", "-c", "dd if=/dev/zero of=/written bs=1M count=1; sync")).Code);
        return container;
    }

    private async Task<PodSandboxMetrics> OfAsync(string pod) =>
        (await node.Runtime.ListPodSandboxMetricsAsync(new ListPodSandboxMetricsRequest())).PodMetrics.Single(m => m.PodSandboxId == pod);

    // Pressure needs a kernel that accounts for it; the rest is the suite's own list.
    private static IEnumerable<string> Optional() => File.Exists("/proc/pressure/cpu")
        ? _optional
        : _optional.Concat(
            from resource in new[] { "cpu", "memory", "io" }
            from kind in new[] { "waiting", "stalled" }
            select $"container_pressure_{resource}_{kind}_seconds_total");
}
