using Crisp.Cgroups;
using Crisp.Sandbox.Protocol;
using Xunit;

namespace Crisp.Sandbox.Tests.Pods;

/// <summary>What a pod's process tells of its containers' use, and that a pod of namespaces is no machine.</summary>
public sealed class StatsTests
{
    [Fact]
    public async Task Stats_AreTheCgroups()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sh", "-c", "seq 1 100000 > /dev/null; sleep 1000");
        await pod.Client.UpdateAsync(id, new Spec.ResourcesSpec { MemoryLimit = 64 << 20 });
        var stats = await pod.Client.StatsAsync(id, StatsParts.All, details: true);
        Assert.True(stats.Usage.Cpu!.Usage > 0 && stats.Usage.Memory!.Usage > 0);
        Assert.Equal(64L << 20, stats.Limits!.MemoryLimit);
        Assert.True(stats.Processes is { Processes: >= 1, FileDescriptors: >= 3, OutOfMemoryKills: 0, OpenFilesLimit: > 0 }, $"{stats.Processes}");
        var whole = await pod.Client.StatsAsync("", StatsParts.Cpu);
        Assert.True(whole.Usage.Cpu!.Usage >= stats.Usage.Cpu.Usage);
        Assert.Equal((null, null, null), (whole.Usage.Memory, whole.Limits, whole.Processes));
        Assert.Null(await pod.Client.MachineExitsAsync());
    }

    [Fact]
    public async Task Stats_OfNothingAreRefused()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        var early = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.StatsAsync("", StatsParts.Cpu));
        Assert.Equal(RpcCode.FailedPrecondition, early.Code);
        await pod.Client.StartAsync(pod.Spec);
        var unknown = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.StatsAsync("x", StatsParts.Cpu));
        Assert.Equal(RpcCode.NotFound, unknown.Code);
    }

    [Fact]
    public async Task PodOfNamespaces_CannotBeBooted()
    {
        await using var pod = await PodProcess.StartAsync();
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.BootAsync());
        Assert.Equal((RpcCode.FailedPrecondition, true), (error.Code, error.Message.Contains("no virtual machine", StringComparison.Ordinal)));
    }
}
