using System.Diagnostics;
using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>Statistics of real pods: what the kernel counts of processes that do a known amount of work.</summary>
public sealed class StatsTests(PodNode node) : IClassFixture<PodNode>
{
    private const string Busy = "while :; do :; done";

    [Fact]
    public async Task ProcessorTime_GrowsWithTheWork()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", Busy]);
        var first = await OfAsync(container);
        await Task.Delay(1500);
        var second = await OfAsync(container);
        var passed = second.Cpu.Timestamp - first.Cpu.Timestamp;
        var used = (long)(second.Cpu.UsageCoreNanoSeconds.Value - first.Cpu.UsageCoreNanoSeconds.Value);
        Assert.InRange(used, passed / 20, passed + (passed / 10));
        Assert.InRange(second.Cpu.UsageNanoCores.Value, 50_000_000UL, 1_100_000_000UL);
        var whole = await OfPodAsync(pod);
        Assert.True(whole.Linux.Cpu.UsageCoreNanoSeconds.Value >= second.Cpu.UsageCoreNanoSeconds.Value);
        Assert.Equal(1UL, whole.Linux.Process.ProcessCount.Value);
        Assert.Equal(container, Assert.Single(whole.Linux.Containers).Attributes.Id);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Memory_IsAvailableUpToTheLimit()
    {
        PodNode.Require();
        const long Limit = 64 << 20;
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(
            pod, ["sh", "-c", "a=$(dd if=/dev/zero bs=1M count=4 | tr '\\0' x); sleep 1000; true"], c => c.Linux.Resources.MemoryLimitInBytes = Limit);
        var free = await node.SleeperAsync(pod);
        var memory = await UntilAsync(() => OfAsync(container), s => s.Memory.RssBytes.Value > 4 << 20);
        Assert.InRange(memory.Memory.WorkingSetBytes.Value, 4UL << 20, (ulong)Limit);
        Assert.True(memory.Memory.UsageBytes.Value >= memory.Memory.WorkingSetBytes.Value);
        Assert.Equal((ulong)Limit - memory.Memory.WorkingSetBytes.Value, memory.Memory.AvailableBytes.Value);
        // Four megabytes are a thousand faults with small pages, two with huge ones; the programs' own pages come on top.
        Assert.True(memory.Memory.PageFaults.Value > 100);
        Assert.Equal(memory.Memory.Timestamp, memory.Swap.Timestamp);
        Assert.Null((await OfAsync(free)).Memory.AvailableBytes);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task WritableLayer_IsWhatTheContainerWrote()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var idle = await node.SleeperAsync(pod);
        var (status, _) = await node.OutputAsync(pod, ["sh", "-c", "mkdir /w; for i in 1 2 3; do dd if=/dev/zero of=/w/$i bs=1M count=1; done; sync"]);
        var written = (await OfAsync(status.Id)).WritableLayer;
        var before = (await OfAsync(idle)).WritableLayer;
        Assert.InRange(written.UsedBytes.Value - before.UsedBytes.Value, 3UL << 20, (3UL << 20) + 65536);
        Assert.Equal(4UL, written.InodesUsed.Value - before.InodesUsed.Value);
        Assert.True(written.Timestamp >= status.FinishedAt);
        var images = await node.Daemon.Images.ImageFsInfoAsync(new ImageFsInfoRequest());
        Assert.Equal(images.ContainerFilesystems[0].FsId.Mountpoint, written.FsId.Mountpoint);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task ContainerThatDoesNotRun_HasNothingButItsLayer()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var created = await node.CreateAsync(pod, ["sleep", "1000"]);
        var (ended, _) = await node.OutputAsync(pod, ["true"]);
        var running = await node.SleeperAsync(pod);
        var stats = await node.Runtime.ListContainerStatsAsync(new ListContainerStatsRequest { Filter = new ContainerStatsFilter { PodSandboxId = pod } });
        Assert.Equal([created, ended.Id, running], stats.Stats.Select(s => s.Attributes.Id));
        Assert.Equal([false, false, true], stats.Stats.Select(s => s.Cpu is not null));
        Assert.Equal([false, false, true], stats.Stats.Select(s => s.Memory is not null));
        Assert.All(stats.Stats, s => Assert.True(s.WritableLayer.Timestamp > 0));
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => OfAsync("0123456789abcdef"))).Code);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task PodThatIsStopped_IsNotListed()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        Assert.Equal(pod, Assert.Single(await ListAsync(f => f.Id = pod)).Attributes.Id);
        await node.StopPodAsync(pod);
        Assert.Empty(await ListAsync(f => f.Id = pod));
        Assert.Equal(StatusCode.FailedPrecondition, (await PodNode.RefusedAsync(() => OfPodAsync(pod))).Code);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => OfPodAsync("0123456789abcdef"))).Code);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Lists_AreFilteredByIdPodAndLabels()
    {
        PodNode.Require();
        var one = await node.RunPodAsync(c => c.Labels.Add("stats", "one"));
        var two = await node.RunPodAsync(c => c.Labels.Add("stats", "two"));
        var inOne = await node.LaunchAsync(one, ["sleep", "1000"], c => c.Labels.Add("app", "a"));
        var inTwo = await node.LaunchAsync(two, ["sleep", "1000"], c => c.Labels.Add("app", "a"));
        Assert.Equal([one], (await ListAsync(f => f.LabelSelector.Add("stats", "one"))).Select(s => s.Attributes.Id));
        Assert.Equal([two], (await ListAsync(f => f.Id = two[..20])).Select(s => s.Attributes.Id));
        Assert.Equal([inOne, inTwo], await IdsAsync(new ContainerStatsFilter { LabelSelector = { ["app"] = "a" } }));
        Assert.Equal([inTwo], await IdsAsync(new ContainerStatsFilter { LabelSelector = { ["app"] = "a" }, PodSandboxId = two }));
        Assert.Equal([inOne], await IdsAsync(new ContainerStatsFilter { Id = inOne }));
        Assert.Empty(await IdsAsync(new ContainerStatsFilter { LabelSelector = { ["app"] = "b" } }));
        await node.RemovePodAsync(one);
        await node.RemovePodAsync(two);
    }

    [Fact]
    public async Task Streams_HaveEachItemOnce()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync(c => c.Labels.Add("stats", "stream"));
        var containers = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            containers.Add(await node.SleeperAsync(pod));
        }

        var request = new StreamContainerStatsRequest { Filter = new ContainerStatsFilter { PodSandboxId = pod } };
        var messages = await node.Runtime.StreamContainerStats(request).ResponseStream.ReadAllAsync().ToListAsync();
        Assert.All(messages, m => Assert.NotEmpty(m.ContainerStats));
        Assert.Equal(containers, messages.SelectMany(m => m.ContainerStats).Select(s => s.Attributes.Id));
        var pods = new StreamPodSandboxStatsRequest { Filter = new PodSandboxStatsFilter { LabelSelector = { ["stats"] = "stream" } } };
        var streamed = await node.Runtime.StreamPodSandboxStats(pods).ResponseStream.ReadAllAsync().ToListAsync();
        Assert.Equal(pod, Assert.Single(streamed.SelectMany(m => m.PodSandboxStats)).Attributes.Id);
        pods.Filter.LabelSelector["stats"] = "none";
        Assert.Empty(await node.Runtime.StreamPodSandboxStats(pods).ResponseStream.ReadAllAsync().ToListAsync());
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Network_IsThePodsOwnOrAbsent()
    {
        PodNode.Require();
        var host = await node.RunPodAsync();
        Assert.Null((await OfPodAsync(host)).Linux.Network);
        var pod = await PodNetwork.RunPodAsync(node);
        var network = await UntilAsync(() => OfPodAsync(pod), s => s.Linux.Network.DefaultInterface.RxBytes.Value > 0);
        Assert.Equal("eth0", network.Linux.Network.DefaultInterface.Name);
        Assert.Equal("peer", Assert.Single(network.Linux.Network.Interfaces).Name);
        Assert.True(network.Linux.Network.DefaultInterface.TxBytes.Value > 0);
        await node.RemovePodAsync(pod);
        await node.RemovePodAsync(host);
    }

    [Fact]
    public async Task DaemonThatStartsAgain_GoesOnCounting()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", Busy]);
        var before = await OfAsync(container);
        await node.Daemon.KillAsync();
        await node.Daemon.StartAgainAsync();
        var after = await OfAsync(container);
        Assert.True(after.Cpu.UsageCoreNanoSeconds.Value > before.Cpu.UsageCoreNanoSeconds.Value);
        Assert.Null(after.Cpu.UsageNanoCores);
        await node.RemovePodAsync(pod);
    }

    private async Task<ContainerStats> OfAsync(string container) =>
        (await node.Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = container })).Stats;

    private async Task<PodSandboxStats> OfPodAsync(string pod) =>
        (await node.Runtime.PodSandboxStatsAsync(new PodSandboxStatsRequest { PodSandboxId = pod })).Stats;

    private async Task<IReadOnlyList<PodSandboxStats>> ListAsync(Action<PodSandboxStatsFilter> change)
    {
        var filter = new PodSandboxStatsFilter();
        change(filter);
        return (await node.Runtime.ListPodSandboxStatsAsync(new ListPodSandboxStatsRequest { Filter = filter })).Stats;
    }

    private async Task<IEnumerable<string>> IdsAsync(ContainerStatsFilter filter) =>
        (await node.Runtime.ListContainerStatsAsync(new ListContainerStatsRequest { Filter = filter })).Stats.Select(s => s.Attributes.Id);

    private static async Task<T> UntilAsync<T>(Func<Task<T>> read, Func<T, bool> condition)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(60);)
        {
            if (await read() is var value && condition(value))
            {
                return value;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException("It never came.");
    }
}
