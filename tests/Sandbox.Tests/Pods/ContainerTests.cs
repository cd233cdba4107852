using System.Text.Json;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Pods;

/// <summary>A container's life in a real pod's process.</summary>
public sealed class ContainerTests
{
    [Fact]
    public async Task Container_RunsAndItsExitIsOnDiskBeforeAnybodyIsTold()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = pod.Container("sh", "-c", "echo out; echo err >&2; exit 7");
        await pod.CreateAsync(spec);
        Assert.Equal(ProcessStatus.Created, (await StateAsync(pod, spec.Id)).Status);
        var wait = pod.Client.WaitAsync(spec.Id);
        var events = pod.Client.EventsAsync(0);
        var path = Path.Combine(pod.RunDirectory, "exits", $"{spec.Id}.json");
        var written = wait.ContinueWith(_ => File.Exists(path), TaskContinuationOptions.ExecuteSynchronously);
        var started = await pod.Client.StartContainerAsync(spec.Id);
        var exit = await wait;
        Assert.True(await written);
        Assert.Equal((7, 0, false, ""), (exit.ExitCode, exit.Signal, exit.OomKilled, exit.Message));
        Assert.True(started.StartedAt > 1_600_000_000_000_000_000 && exit.FinishedAt > started.StartedAt);
        Assert.Equal(["stderr F err", "stdout F out"], pod.Log(spec.Id).Order(StringComparer.Ordinal));
        var told = Assert.Single(await events);
        Assert.Equal((1UL, spec.Id, "", exit), (told.Sequence, told.ContainerExited.ContainerId, told.ContainerExited.ExecId, told.ContainerExited.Exit));
        var state = await StateAsync(pod, spec.Id);
        Assert.Equal((ProcessStatus.Stopped, 0, exit), (state.Status, state.Pid, state.Exit));
        using var json = JsonDocument.Parse(File.ReadAllText(path));
        Assert.Equal(7, json.RootElement.GetProperty("exitCode").GetInt32());
        Assert.Equal(exit.FinishedAt, json.RootElement.GetProperty("finishedAt").GetInt64());
        Assert.Equal(exit, await pod.Client.DeleteContainerAsync(spec.Id));
        Assert.Null(await pod.Client.DeleteContainerAsync(spec.Id));
        Assert.Empty((await pod.Client.StateAsync()).Containers);
    }

    [Fact]
    public async Task Cgroup_ThatWasTakenAwayBeforeTheStart_IsMadeAnewWithItsLimits()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = pod.Container("true") with { Resources = new ResourcesSpec { PidsLimit = 77 } };
        await pod.CreateAsync(spec);
        var cgroup = Cgroups.CgroupManager.Detect().Open(Cgroups.CgroupPath.Parse(spec.CgroupPath));
        cgroup.Remove(TimeSpan.FromSeconds(10));
        await pod.Client.StartContainerAsync(spec.Id);
        Assert.Equal(77, cgroup.ReadLimits().PidsLimit);
        Assert.Equal(0, (await pod.Client.WaitAsync(spec.Id)).ExitCode);
    }

    [Fact]
    public async Task DeathBySignal_IsTold()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        await pod.Client.SignalAsync(id, 9);
        var exit = await pod.Client.WaitAsync(id);
        Assert.Equal((137, 9), (exit.ExitCode, exit.Signal));
        await pod.Client.SignalAsync(id, 15);
        await pod.Client.KillAllAsync(id);
    }

    [Fact]
    public async Task Start_IsRefusedWhileItRunsAndAfterwards()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = pod.Container("sleep", "1000");
        await pod.CreateAsync(spec);
        Assert.Equal(RpcCode.FailedPrecondition, await CodeAsync(() => pod.Client.SignalAsync(spec.Id, 15)));

        // Both are on their way at once: the second waits for the first and then sees that it runs.
        var (first, second) = (pod.Client.StartContainerAsync(spec.Id), pod.Client.StartContainerAsync(spec.Id));
        await first;
        Assert.Equal(RpcCode.FailedPrecondition, await CodeAsync(() => second));
        Assert.Equal(ProcessStatus.Running, (await StateAsync(pod, spec.Id)).Status);
        await pod.Client.KillAllAsync(spec.Id);
        await pod.Client.WaitAsync(spec.Id);
        Assert.Equal(RpcCode.FailedPrecondition, await CodeAsync(() => pod.Client.StartContainerAsync(spec.Id)));
        Assert.Equal(RpcCode.AlreadyExists, await CodeAsync(() => pod.CreateAsync(spec)));
    }

    [Fact]
    public async Task FailedStart_IsTheEndOfTheContainer()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = pod.Container("/no/such/program");
        await pod.CreateAsync(spec);
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.StartContainerAsync(spec.Id));
        Assert.Contains("/no/such/program", error.Message, StringComparison.Ordinal);
        var exit = await pod.Client.WaitAsync(spec.Id);
        Assert.Equal((128, error.Message), (exit.ExitCode, exit.Message));
        Assert.Equal(ProcessStatus.Stopped, (await StateAsync(pod, spec.Id)).Status);
        Assert.Contains("/no/such/program", File.ReadAllText(Path.Combine(pod.RunDirectory, "exits", $"{spec.Id}.json")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Create_RefusesWhatCannotBe()
    {
        await using var pod = await PodProcess.StartAsync();
        var good = pod.Container("true");
        Assert.Equal(RpcCode.InvalidArgument, await CodeAsync(() => pod.CreateAsync(good with { Id = "../x" })));
        Assert.Equal(RpcCode.InvalidArgument, await CodeAsync(() => pod.CreateAsync(good with { CgroupPath = "elsewhere/x" })));
        Assert.Equal(RpcCode.InvalidArgument, await CodeAsync(() => pod.CreateAsync(good with { CgroupPath = $"{pod.Spec.CgroupPath}/../x" })));
        Assert.Equal(RpcCode.InvalidArgument, await CodeAsync(() => pod.Client.CreateContainerAsync(good, [])));
        Assert.Equal(RpcCode.FailedPrecondition, await CodeAsync(() => pod.CreateAsync(good with { Version = 99 })));
        Assert.Equal(RpcCode.FailedPrecondition, await CodeAsync(() => pod.CreateAsync(good with { Log = new LogSpec("/no/such/directory", "x") })));
        Assert.Equal(RpcCode.InvalidArgument, await CodeAsync(() => pod.CreateAsync(good with { Resources = new ResourcesSpec { CpuShares = 1 } })));
        Assert.Empty((await pod.Client.StateAsync()).Containers);
        Assert.Equal((0, ""), (await pod.RunAsync(good)) is var (exit, lines) ? (exit.ExitCode, string.Concat(lines)) : default);
    }

    [Fact]
    public async Task Cgroups_CanBeWalkedThroughByAnybody()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = pod.Container("sleep", "1000");
        await pod.CreateAsync(spec);

        // One hierarchy or many; the pod's process has a mask of its own that would leave 0700.
        var depth = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 };
        var cgroups = Directory.GetDirectories("/sys/fs/cgroup", pod.Spec.CgroupPath, depth);
        Assert.NotEmpty(cgroups);
        Assert.All(
            cgroups.Concat(cgroups.Select(c => Path.Combine(c, spec.Id))).Where(Directory.Exists),
            c => Assert.Equal((UnixFileMode)0x1ED, File.GetUnixFileMode(c)));
    }

    [Fact]
    public async Task User_IsResolvedInTheContainer()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = pod.Container("id", "-u");
        spec = spec with { Process = spec.Process with { User = new UserSpec { User = "user" } } };
        var (_, lines) = await pod.RunAsync(spec);
        Assert.Equal(["stdout F 1000"], lines);

        // Images that log to a link to /dev/stdout open the pipe anew.
        spec = pod.Container("sh", "-c", "echo again > /proc/self/fd/1");
        spec = spec with { Process = spec.Process with { User = new UserSpec { User = "1000" } } };
        Assert.Equal(["stdout F again"], (await pod.RunAsync(spec)).Lines);
    }

    [Fact]
    public async Task Delete_KillsWhatRuns()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sh", "-c", "trap '' TERM; sleep 1000 & sleep 1000");
        var pid = (await StateAsync(pod, id)).Pid;
        var exit = await pod.Client.DeleteContainerAsync(id);
        Assert.Equal(137, exit!.ExitCode);
        Assert.False(Directory.Exists($"/proc/{pid}"));
        Assert.Equal(RpcCode.NotFound, await CodeAsync(() => pod.Client.StartContainerAsync(id)));
    }

    [Fact]
    public async Task DeleteOfACreatedContainer_EndsItsWaits()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = await pod.CreateAsync(pod.Container("true"));
        var wait = pod.Client.WaitAsync(spec.Id);
        Assert.Null(await pod.Client.DeleteContainerAsync(spec.Id));
        Assert.Equal(RpcCode.NotFound, await CodeAsync(() => wait));
    }

    [Fact]
    public async Task PauseAndResume_FreezeAndThaw()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sh", "-c", "while :; do echo x; usleep 1000; done");
        await pod.Client.PauseAsync(id);
        Assert.Equal(ProcessStatus.Paused, (await StateAsync(pod, id)).Status);
        Assert.Equal(RpcCode.FailedPrecondition, await CodeAsync(() => pod.Client.PauseAsync(id)));
        Assert.Equal(RpcCode.FailedPrecondition, await CodeAsync(() => pod.ExecAsync(id, "true")));
        await Task.Delay(100);
        var length = new FileInfo(pod.LogPath(id)).Length;
        await Task.Delay(200);
        Assert.Equal(length, new FileInfo(pod.LogPath(id)).Length);
        await pod.Client.ResumeAsync(id);
        await PodProcess.UntilAsync(() => new FileInfo(pod.LogPath(id)).Length > length, "Going on");

        // The frozen die too: one by one, and with their pod.
        await pod.Client.PauseAsync(id);
        await pod.Client.DeleteContainerAsync(id);
        await pod.Client.PauseAsync(await pod.LaunchAsync("sleep", "1000"));
    }

    [Fact]
    public async Task Update_ChangesTheCgroup()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        await pod.Client.UpdateAsync(id, new ResourcesSpec { MemoryLimit = 64 << 20 });
        var cgroup = Cgroups.CgroupManager.Detect().Open(Cgroups.CgroupPath.Parse($"{pod.Spec.CgroupPath}/{id}"));
        Assert.Equal(64 << 20, cgroup.ReadLimits().MemoryLimit);
        Assert.Equal(RpcCode.InvalidArgument, await CodeAsync(() => pod.Client.UpdateAsync(id, new ResourcesSpec { CpuShares = 1 })));
        Assert.Equal(RpcCode.InvalidArgument, await CodeAsync(() => pod.Client.UpdateAsync("", new ResourcesSpec())));
        await pod.Client.KillAllAsync(id);
        await pod.Client.WaitAsync(id);
        Assert.Equal(RpcCode.FailedPrecondition, await CodeAsync(() => pod.Client.UpdateAsync(id, new ResourcesSpec { CpuShares = 4 })));
    }

    [Fact]
    public async Task OutOfMemory_IsToldByTheExitAndAnEvent()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = pod.Container("sh", "-c", "x=$(yes | head -c 200000000); echo $x");
        var (exit, _) = await pod.RunAsync(spec with { Resources = new ResourcesSpec { MemoryLimit = 16 << 20 } });
        Assert.Equal((137, true), (exit.ExitCode, exit.OomKilled));
        var events = await pod.Client.EventsAsync(0);
        Assert.Equal(spec.Id, events[0].ContainerOom.ContainerId);
        Assert.True(events[^1].ContainerExited.Exit.OomKilled);

        // Somebody in it was killed, the one who offered itself, but it went on and ended well.
        spec = pod.Container("sh", "-c", "(echo 1000 > /proc/self/oom_score_adj; x=$(yes | head -c 200000000)); exit 0");
        (exit, _) = await pod.RunAsync(spec with { Resources = new ResourcesSpec { MemoryLimit = 16 << 20 } });
        Assert.Equal((0, false), (exit.ExitCode, exit.OomKilled));
    }

    [Fact]
    public async Task Terminal_IsOneStreamAndCanBeResized()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = pod.Container("sh", "-c", "trap 'stty size; exit 0' WINCH; tty; echo err >&2; while :; do usleep 10000; done");
        spec = PodProcess.WithDevpts(spec) with { Process = spec.Process with { Terminal = true } };
        await pod.LaunchAsync(spec);
        await PodProcess.UntilAsync(() => pod.Log(spec.Id).Length >= 2, "Output");
        await pod.Client.ResizeAsync(spec.Id, 123, 45);
        await pod.Client.WaitAsync(spec.Id);
        Assert.Equal(["stdout F /dev/pts/0", "stdout F err", "stdout F 45 123"], pod.Log(spec.Id));
        Assert.Equal(RpcCode.FailedPrecondition, await CodeAsync(() => pod.Client.ResizeAsync(spec.Id, 1, 1)));
    }

    [Fact]
    public async Task Stdin_StaysOpenForWhoWantsIt()
    {
        await using var pod = await PodProcess.StartAsync();
        var reader = pod.Container("sh", "-c", "cat; echo end");
        var waiting = await pod.LaunchAsync(reader with { Process = reader.Process with { Stdin = true } });
        Assert.Equal(["stdout F end"], (await pod.RunAsync("sh", "-c", "cat; echo end")).Lines);
        Assert.Equal(ProcessStatus.Running, (await StateAsync(pod, waiting)).Status);
        Assert.Empty(pod.Log(waiting));
    }

    [Fact]
    public async Task VolumesDescriptors_CloseWhenTheContainerStarts()
    {
        await using var pod = await PodProcess.StartAsync();
        var volume = Directory.CreateDirectory(Path.Combine(pod.Scratch, "volume")).FullName;
        var spec = pod.Container("sleep", "1000");
        spec = spec with { Mounts = [.. spec.Mounts, new MountSpec { Target = "/mnt", Source = new BindSource(volume) }] };
        ulong id;
        using (var mount = Mounts.OpenTree(FileDescriptor.CurrentDirectory, volume, OpenTreeFlags.Clone))
        {
            id = Files.Status(mount).MountId;
            await pod.CreateAsync(spec, mount);
        }

        Assert.Contains(id, OpenMounts(pod));
        await pod.Client.StartContainerAsync(spec.Id);
        Assert.DoesNotContain(id, OpenMounts(pod));
    }

    internal static async Task<RpcCode> CodeAsync(Func<Task> call) => (await Assert.ThrowsAsync<SandboxException>(call)).Code;

    internal static async Task<ContainerState> StateAsync(PodProcess pod, string id)
        => (await pod.Client.StateAsync()).Containers.Single(c => c.Id == id);

    // proc_pid_fdinfo(5).
    private static List<ulong> OpenMounts(PodProcess pod)
        => [.. Directory.GetFileSystemEntries($"/proc/{pod.Process.Pid}/fdinfo")
            .Select(f => ulong.Parse(File.ReadLines(f).First(l => l.StartsWith("mnt_id:", StringComparison.Ordinal))[7..]))];
}
