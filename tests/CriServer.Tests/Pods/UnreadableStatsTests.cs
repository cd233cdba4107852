using System.Text.RegularExpressions;
using Crisp.Cri.V1;
using Crisp.Linux;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>A container whose usage the node cannot read, in one of two pods.</summary>
public sealed class UnreadableStatsTests(PodNode node) : IClassFixture<PodNode>
{
    // To read it at its beginning fails with EIO: no process has memory there.
    private const string Unreadable = "/proc/self/mem";

    [Fact]
    public async Task Lists_HaveTheOthersNumbers_AndTheLogSaysWhyOnce()
    {
        PodNode.Require();
        string[] pods = [await node.RunPodAsync(), await node.RunPodAsync()];
        string[] containers = [await node.SleeperAsync(pods[0]), await node.SleeperAsync(pods[1])];
        var files = Invariants.CgroupsOf(node).Where(d => d.Contains(pods[0], StringComparison.Ordinal))
            .Select(d => Path.Combine(d, "memory.stat")).Where(File.Exists).ToList();
        Assert.NotEmpty(files);
        files.ForEach(f => Mounts.Mount(Unreadable, f, null, MountFlags.Bind));
        try
        {
            for (var times = 0; times < 2; times++)
            {
                await RequireOthersAsync(pods, containers);
            }

            Assert.Null((await node.Runtime.PodSandboxStatsAsync(new PodSandboxStatsRequest { PodSandboxId = pods[0] })).Stats.Linux.Memory);
            Assert.Null((await node.Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = containers[0] })).Stats.Memory);
        }
        finally
        {
            files.ForEach(f => Mounts.Umount2(f, UnmountFlags.Detach));
        }

        Assert.Single(Regex.Matches(node.Daemon.Log, $"usage of the pod {pods[0]} .*memory\\.stat"));
        Assert.NotNull((await node.Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = containers[0] })).Stats.Memory);
        await node.RemovePodAsync(pods[0]);
        await node.RemovePodAsync(pods[1]);
    }

    [Fact]
    public async Task WritableLayerThatCannotBeRead_FailsNoList_AndTheLogSaysWhyOnce()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.SleeperAsync(pod);
        var layer = Path.Combine(node.Daemon.Root, "containers", container, "upper");
        Directory.Move(layer, $"{layer}-aside");
        await File.WriteAllTextAsync(layer, "");
        for (var times = 0; times < 2; times++)
        {
            var metrics = (await node.Runtime.ListPodSandboxMetricsAsync(new ListPodSandboxMetricsRequest())).PodMetrics.Single(m => m.PodSandboxId == pod);
            var names = metrics.ContainerMetrics.Single().Metrics.Select(m => m.Name).ToList();
            Assert.Contains("container_memory_usage_bytes", names);
            Assert.DoesNotContain("container_fs_limit_bytes", names);
        }

        Assert.Single(Regex.Matches(node.Daemon.Log, $"writable layer of the container {container} .*ENOTDIR"));
        File.Delete(layer);
        Directory.Move($"{layer}-aside", layer);
        await node.RemovePodAsync(pod);
    }

    /// <summary>Each list has both pods, and numbers of the second alone.</summary>
    private async Task RequireOthersAsync(string[] pods, string[] containers)
    {
        var ofPods = (await node.Runtime.ListPodSandboxStatsAsync(new ListPodSandboxStatsRequest())).Stats;
        var podStream = await node.Runtime.StreamPodSandboxStats(new StreamPodSandboxStatsRequest()).ResponseStream.ReadAllAsync().ToListAsync();
        foreach (var stats in new[] { ofPods, podStream.SelectMany(m => m.PodSandboxStats) })
        {
            Assert.Equal(
                [(pods[0], false), (pods[1], true)],
                stats.Where(s => pods.Contains(s.Attributes.Id)).OrderBy(s => Array.IndexOf(pods, s.Attributes.Id))
                    .Select(s => (s.Attributes.Id, s.Linux.Memory is not null)));
        }

        var ofContainers = (await node.Runtime.ListContainerStatsAsync(new ListContainerStatsRequest())).Stats;
        var containerStream = await node.Runtime.StreamContainerStats(new StreamContainerStatsRequest()).ResponseStream.ReadAllAsync().ToListAsync();
        foreach (var stats in new[] { ofContainers, containerStream.SelectMany(m => m.ContainerStats) })
        {
            Assert.Equal(
                [(containers[0], false), (containers[1], true)],
                stats.Where(s => containers.Contains(s.Attributes.Id)).OrderBy(s => Array.IndexOf(containers, s.Attributes.Id))
                    .Select(s => (s.Attributes.Id, s.Memory is not null)));
        }

        var metrics = (await node.Runtime.ListPodSandboxMetricsAsync(new ListPodSandboxMetricsRequest())).PodMetrics;
        var metricStream = await node.Runtime.StreamPodSandboxMetrics(new StreamPodSandboxMetricsRequest()).ResponseStream.ReadAllAsync().ToListAsync();
        foreach (var list in new[] { metrics, metricStream.SelectMany(m => m.PodSandboxMetrics) })
        {
            Assert.Equal(
                [(pods[0], false), (pods[1], true)],
                list.Where(m => pods.Contains(m.PodSandboxId)).OrderBy(m => Array.IndexOf(pods, m.PodSandboxId))
                    .Select(m => (m.PodSandboxId, m.ContainerMetrics.Single().Metrics.Any(v => v.Name == "container_memory_usage_bytes"))));
        }
    }
}
