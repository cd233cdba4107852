using System.Diagnostics;
using System.Text.Json;
using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>A container's life: create, start, end, stop, remove, and what status says at each stage.</summary>
public sealed class ContainerTests(PodNode node) : IClassFixture<PodNode>, IAsyncLifetime
{
    private string _pod = "";

    public async ValueTask InitializeAsync()
    {
        if (node.Daemon is not null)
        {
            _pod = await node.RunPodAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_pod.Length > 0)
        {
            await node.RemovePodAsync(_pod);
            await Invariants.CheckAsync(node);
        }
    }

    [Fact]
    public async Task Life_GoesFromCreatedToRunningToExitedToNothing()
    {
        PodNode.Require();
        var id = await node.CreateAsync(_pod, ["sh", "-c", "echo out; echo err >&2; exit 7"]);
        var created = await node.StatusAsync(id);
        Assert.Equal(ContainerState.ContainerCreated, created.State);
        Assert.Equal((0, 0, 0), (created.StartedAt, created.FinishedAt, created.ExitCode));
        await node.StartAsync(id);
        var exited = await node.EndAsync(id);
        Assert.Equal((7, "Error"), (exited.ExitCode, exited.Reason));
        Assert.True(exited.CreatedAt <= exited.StartedAt && exited.StartedAt <= exited.FinishedAt, exited.ToString());
        var lines = File.ReadAllLines(exited.LogPath);
        Assert.Contains(lines, l => l.EndsWith("stdout F out", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.EndsWith("stderr F err", StringComparison.Ordinal));
        await node.RemoveAsync(id);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => node.StatusAsync(id))).Code);
    }

    [Fact]
    public async Task ExitCodeZero_IsCompleted()
    {
        PodNode.Require();
        var (status, _) = await node.OutputAsync(_pod, ["true"]);
        Assert.Equal((0, "Completed"), (status.ExitCode, status.Reason));
    }

    [Fact]
    public async Task DeathBySignal_IsAHundredTwentyEightAndTheSignal()
    {
        PodNode.Require();

        // From outside: the kernel keeps signals away that PID 1 of a namespace sends itself (pid_namespaces(7)).
        var id = await node.SleeperAsync(_pod);
        await node.StopAsync(id, timeout: 0);
        var status = await node.EndAsync(id);
        Assert.Equal((137, "Error"), (status.ExitCode, status.Reason));
    }

    [Fact]
    public async Task Stop_SendsTheStopSignalFirst()
    {
        PodNode.Require();
        var id = await node.LaunchAsync(_pod, ["sh", "-c", "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.05; done"]);
        await UntilLogAsync(id, "ready");
        await node.StopAsync(id, timeout: 20);
        var status = await node.EndAsync(id);
        Assert.Equal(3, status.ExitCode);
        Assert.Contains("got", PodNode.Log(status), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_SendsTheSignalOfTheRequest()
    {
        PodNode.Require();
        var id = await node.LaunchAsync(
            _pod, ["sh", "-c", "trap 'exit 4' USR1; echo ready; while :; do sleep 0.05; done"], c => c.StopSignal = Signal.Sigusr1);
        await UntilLogAsync(id, "ready");
        Assert.Equal(Signal.Sigusr1, (await node.StatusAsync(id)).StopSignal);
        await node.StopAsync(id, timeout: 20);
        Assert.Equal(4, (await node.EndAsync(id)).ExitCode);
    }

    [Fact]
    public async Task Stop_KillsWhoeverIgnoresTheSignal()
    {
        PodNode.Require();
        var id = await node.LaunchAsync(_pod, ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]);
        await UntilLogAsync(id, "ready");
        await node.StopAsync(id, timeout: 1);
        Assert.Equal(137, (await node.StatusAsync(id)).ExitCode);
    }

    [Fact]
    public async Task SecondStopWithAShorterGrace_DoesNotWaitForTheFirst()
    {
        PodNode.Require();
        var id = await node.LaunchAsync(_pod, ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]);
        await UntilLogAsync(id, "ready");
        var first = node.StopAsync(id, timeout: 600);
        await node.StopAsync(id, timeout: 0);
        await first.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(137, (await node.StatusAsync(id)).ExitCode);
    }

    [Fact]
    public async Task StopAndRemove_MayBeRepeatedAndNeedNoContainer()
    {
        PodNode.Require();
        var id = await node.SleeperAsync(_pod);
        await node.StopAsync(id);
        await node.StopAsync(id);
        await node.RemoveAsync(id);
        await node.RemoveAsync(id);
        await node.StopAsync(id);
        await node.StopAsync("0123456789abcdef");
        await node.RemoveAsync("0123456789abcdef");
    }

    [Fact]
    public async Task Remove_OfARunningContainerKillsIt()
    {
        PodNode.Require();
        var id = await node.SleeperAsync(_pod);
        var pid = Invariants.PidOf(node, id);
        await node.RemoveAsync(id);
        Assert.False(Directory.Exists($"/proc/{pid}"));
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task Stop_OfACreatedContainerLeavesItCreated()
    {
        PodNode.Require();
        var id = await node.CreateAsync(_pod, ["true"]);
        await node.StopAsync(id);
        Assert.Equal(ContainerState.ContainerCreated, (await node.StatusAsync(id)).State);
        await node.RemoveAsync(id);
    }

    [Fact]
    public async Task Start_MayBeRepeatedWhileItRunsAndNotAfterwards()
    {
        PodNode.Require();
        var id = await node.SleeperAsync(_pod);
        await node.StartAsync(id);
        await node.StopAsync(id);
        Assert.Equal(StatusCode.FailedPrecondition, (await PodNode.RefusedAsync(() => node.StartAsync(id))).Code);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => node.StartAsync("nothing"))).Code);
    }

    [Fact]
    public async Task PodThatStops_EndsItsContainers()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var running = await node.SleeperAsync(pod);
        var created = await node.CreateAsync(pod, ["true"]);
        await node.StopPodAsync(pod);
        Assert.Equal(137, (await node.StatusAsync(running)).ExitCode);
        var never = await node.StatusAsync(created);
        Assert.Equal((ContainerState.ContainerExited, 255, "NeverStarted"), (never.State, never.ExitCode, never.Reason));
        Assert.Equal(StatusCode.FailedPrecondition, (await PodNode.RefusedAsync(() => node.CreateAsync(pod, ["true"]))).Code);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Status_TellsWhatWasAsked()
    {
        PodNode.Require();
        var source = Directory.CreateDirectory(Path.Combine(node.Daemon.Scratch, "source")).FullName;
        var id = await node.CreateAsync(_pod, ["true"], c =>
        {
            c.Labels.Add("l", "1");
            c.Annotations.Add("a", "2\n");
            c.Mounts.Add(new Mount { ContainerPath = "/mnt", HostPath = source, Readonly = true });
            c.Linux.Resources.CpuShares = 512;
            c.Linux.Resources.MemoryLimitInBytes = 64 << 20;
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.SupplementalGroups.Add(1234);
        });
        var status = await node.StatusAsync(id);
        Assert.Equal("1", status.Labels["l"]);
        Assert.Equal("2\n", status.Annotations["a"]);
        Assert.Equal(("/mnt", source, true), (status.Mounts[0].ContainerPath, status.Mounts[0].HostPath, status.Mounts[0].Readonly));
        Assert.Equal((512, 64 << 20), (status.Resources.Linux.CpuShares, status.Resources.Linux.MemoryLimitInBytes));
        Assert.Equal(1000, status.User.Linux.Uid);
        Assert.Equal(1000, status.User.Linux.Gid);
        Assert.Equal([1000, 1234, 50000], status.User.Linux.SupplementalGroups.Append(1000).Distinct().Order());
        Assert.Equal(TestImage.Busybox, status.Image.Image);
        var image = (await node.Daemon.Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = TestImage.Busybox } })).Image;
        Assert.Equal(image.Id, status.ImageId);
        var item = Assert.Single((await node.Runtime.ListContainersAsync(new ListContainersRequest { Filter = new ContainerFilter { Id = id[..12] } })).Containers);
        Assert.Equal((image.Id, _pod, "1"), (item.ImageId, item.PodSandboxId, item.Labels["l"]));
    }

    [Fact]
    public async Task Verbose_ShowsPidNamespacesAndSpecification()
    {
        PodNode.Require();
        var id = await node.SleeperAsync(_pod);
        var info = (await node.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = id, Verbose = true })).Info["info"];
        using var json = JsonDocument.Parse(info);
        var pid = json.RootElement.GetProperty("pid").GetInt32();
        Assert.StartsWith("sleep", File.ReadAllText($"/proc/{pid}/cmdline"), StringComparison.Ordinal);
        Assert.Equal(
            new FileInfo($"/proc/{pid}/ns/mnt").LinkTarget, json.RootElement.GetProperty("namespaces").GetProperty("mnt").GetString());
        Assert.Contains("sleep", json.RootElement.GetProperty("runtimeSpec").GetProperty("process").GetProperty("args").ToString(), StringComparison.Ordinal);
        await node.StopAsync(id);
    }

    [Fact]
    public async Task List_FiltersByPodStateAndLabels()
    {
        PodNode.Require();
        var running = await node.LaunchAsync(_pod, ["sleep", "1000"], c => c.Labels.Add("k", "v"));
        var created = await node.CreateAsync(_pod, ["true"]);
        Assert.Equal([running, created], await ListAsync(f => f.PodSandboxId = _pod));
        Assert.Equal([running], await ListAsync(f => (f.PodSandboxId, f.State) = (_pod, new ContainerStateValue { State = ContainerState.ContainerRunning })));
        Assert.Equal([running], await ListAsync(f => f.LabelSelector.Add("k", "v")));
        Assert.Empty(await ListAsync(f => f.LabelSelector.Add("k", "w")));
        await node.StopAsync(running);
    }

    [Fact]
    public async Task Update_ChangesTheCgroupAndTheStatus()
    {
        PodNode.Require();
        var id = await node.LaunchAsync(_pod, ["sleep", "1000"], c => c.Linux.Resources.CpuShares = 512);
        await UpdateAsync(id, r => r.MemoryLimitInBytes = 32 << 20);
        var resources = (await node.StatusAsync(id)).Resources.Linux;
        Assert.Equal((512, 32 << 20), (resources.CpuShares, resources.MemoryLimitInBytes));
        var file = Invariants.CgroupsOf(node).Where(p => p.EndsWith(id, StringComparison.Ordinal))
            .SelectMany(p => new[] { Path.Combine(p, "memory.limit_in_bytes"), Path.Combine(p, "memory.max") }).First(File.Exists);
        Assert.Equal($"{32 << 20}", File.ReadAllText(file).Trim());
        Assert.Equal(StatusCode.InvalidArgument, (await PodNode.RefusedAsync(() => UpdateAsync(id, r => r.CpuShares = 1))).Code);
        await node.StopAsync(id);
        Assert.Equal(StatusCode.FailedPrecondition, (await PodNode.RefusedAsync(() => UpdateAsync(id, r => r.CpuShares = 4))).Code);
    }

    [Fact]
    public async Task Limits_AreToldAsTheCgroupHoldsThem()
    {
        PodNode.Require();
        var id = await node.LaunchAsync(_pod, ["sleep", "1000"], c => c.Linux.Resources = new LinuxContainerResources
        {
            CpuShares = 515,
            CpuPeriod = 50_000,
            CpuQuota = 20_000,
            MemoryLimitInBytes = (32 << 20) + 5,
        });
        var asked = (await node.StatusAsync(id)).Resources.Linux;
        Assert.Equal((515, 50_000, 20_000, (32 << 20) + 5), (asked.CpuShares, asked.CpuPeriod, asked.CpuQuota, asked.MemoryLimitInBytes));

        Assert.Equal(1, Write(id, "memory.limit_in_bytes", $"{24 << 20}") + Write(id, "memory.max", $"{24 << 20}"));
        Assert.Equal(1, Write(id, "cpu.cfs_quota_us", "10000") + Write(id, "cpu.max", "10000 50000"));
        var changed = (await node.StatusAsync(id)).Resources.Linux;
        Assert.Equal((515, 50_000, 10_000, 24 << 20), (changed.CpuShares, changed.CpuPeriod, changed.CpuQuota, changed.MemoryLimitInBytes));
        await node.StopAsync(id);
        Assert.Equal(20_000, (await node.StatusAsync(id)).Resources.Linux.CpuQuota);
    }

    /// <summary>How many files of this name the container's cgroup has: one on v1 or on v2.</summary>
    private int Write(string container, string file, string value)
    {
        var paths = Invariants.CgroupsOf(node).Where(p => p.EndsWith(container, StringComparison.Ordinal)).Select(p => Path.Combine(p, file)).Where(File.Exists).ToList();
        paths.ForEach(p => File.WriteAllText(p, value));
        return paths.Count;
    }

    [Fact]
    public async Task OutOfMemory_IsToldByItsWord()
    {
        PodNode.Require();
        var (status, _) = await node.OutputAsync(
            _pod, ["sh", "-c", "x=$(yes | head -c 200000000); echo $x"], c => c.Linux.Resources.MemoryLimitInBytes = 16 << 20);
        Assert.Equal("OOMKilled", status.Reason);
        Assert.Equal(137, status.ExitCode);
    }

    [Fact]
    public async Task ReopenLog_GoesOnInANewFileAndNeedsARunningContainer()
    {
        PodNode.Require();
        var id = await node.LaunchAsync(_pod, ["sh", "-c", "i=0; while :; do echo line $i; i=$((i+1)); usleep 10000; done"]);
        var path = (await node.StatusAsync(id)).LogPath;
        await UntilLogAsync(id, "line 3");
        File.Move(path, path + ".1");
        await node.Runtime.ReopenContainerLogAsync(new ReopenContainerLogRequest { ContainerId = id });
        await UntilLogAsync(id, "line");
        await node.StopAsync(id);
        var numbers = File.ReadAllLines(path + ".1").Concat(File.ReadAllLines(path)).Select(l => int.Parse(l.Split(' ')[4])).ToList();
        Assert.Equal(Enumerable.Range(0, numbers.Count), numbers);
        var refused = await PodNode.RefusedAsync(async () => await node.Runtime.ReopenContainerLogAsync(new ReopenContainerLogRequest { ContainerId = id }));
        Assert.Equal(StatusCode.FailedPrecondition, refused.Code);
    }

    private async Task UpdateAsync(string id, Action<LinuxContainerResources> change)
    {
        var resources = new LinuxContainerResources();
        change(resources);
        await node.Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest { ContainerId = id, Linux = resources });
    }

    private async Task<IEnumerable<string>> ListAsync(Action<ContainerFilter> change)
    {
        var filter = new ContainerFilter();
        change(filter);
        return (await node.Runtime.ListContainersAsync(new ListContainersRequest { Filter = filter })).Containers.Select(c => c.Id);
    }

    private async Task UntilLogAsync(string id, string text)
    {
        var path = (await node.StatusAsync(id)).LogPath;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(10))
        {
            if (File.Exists(path) && (await File.ReadAllTextAsync(path)).Contains(text, StringComparison.Ordinal))
            {
                return;
            }
        }

        throw new TimeoutException($"\"{text}\" did not appear in {path}.");
    }
}
