using System.Text;
using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Tests.Pods;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>A VM pod's containers through its monitor: as those of a pod of namespaces, with everything in a guest.</summary>
public sealed class MonitorTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Container_RunsAndItsExitIsOnDiskBeforeAnybodyIsTold()
    {
        await using var pod = await MonitoredPod.StartAsync();
        await pod.Client.BootAsync();
        var spec = pod.Container("sh", "-c", "echo out; echo err >&2; exit 7");
        await pod.CreateAsync(spec);
        var wait = pod.Client.WaitAsync(spec.Id);
        var events = pod.Client.EventsAsync(0);
        var path = Path.Combine(pod.RunDirectory, "exits", $"{spec.Id}.json");
        var written = wait.ContinueWith(_ => File.Exists(path), TaskContinuationOptions.ExecuteSynchronously);
        var started = await pod.Client.StartContainerAsync(spec.Id);
        var exit = await wait.WaitAsync(_patience);
        Assert.True(await written);
        Assert.Equal((7, 0, false, ""), (exit.ExitCode, exit.Signal, exit.OomKilled, exit.Message));
        Assert.Equal(Environment.ProcessId, started.Pid);
        Assert.Equal(["stderr F err", "stdout F out"], pod.Log(spec.Id).Order(StringComparer.Ordinal));
        var told = Assert.Single(await events);
        Assert.Equal((1UL, spec.Id, exit), (told.Sequence, told.ContainerExited.ContainerId, told.ContainerExited.Exit));
        var state = Assert.Single((await pod.Client.StateAsync()).Containers);
        Assert.Equal((ProcessStatus.Stopped, 0, exit), (state.Status, state.Pid, state.Exit));
        Assert.Equal(1, pod.Guest.Exports);
        Assert.Equal(exit, await pod.Client.DeleteContainerAsync(spec.Id));
        Assert.Equal(0, pod.Guest.Exports);
        Assert.Null(await pod.Client.DeleteContainerAsync(spec.Id));
        Assert.Empty((await pod.Client.StateAsync()).Containers);
    }

    [Fact]
    public async Task Output_IsInTheLogToItsLastByte()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var (exit, lines) = await pod.RunAsync("seq", "1", "200000");
        Assert.Equal(0, exit.ExitCode);
        Assert.Equal(200000, lines.Length);
        Assert.Equal(("stdout F 1", "stdout F 200000"), (lines[0], lines[^1]));
    }

    [Fact]
    public async Task Terminal_IsOneStream()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var spec = PodProcess.WithDevpts(pod.Container("sh", "-c", "test -t 0 && test -t 2 && echo out; echo err >&2"));
        var (exit, lines) = await pod.RunAsync(spec with { Process = spec.Process with { Terminal = true } });
        Assert.Equal(0, exit.ExitCode);
        Assert.Equal(["stdout F out", "stdout F err"], lines);
    }

    [Fact]
    public async Task Exec_HasItsStreamsAndItsExit()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        var (code, stdout, stderr) = await pod.ExecAsync(id, "sh", "-c", "echo out; echo err >&2; exit 3");
        Assert.Equal((3, "out\n", "err\n"), (code, stdout, stderr));
        using var cat = await pod.Client.ExecAsync(id, "cat", PodProcess.Command("cat"), new ExecStreams(true, true, false));
        var read = ReadAllAsync(cat.Stdout!);
        await cat.Stdin!.WriteAsync(new byte[1 << 20]);
        cat.Stdin.Dispose();
        Assert.Equal(1 << 20, await read);
        Assert.Equal(0, (await cat.WaitAsync().WaitAsync(_patience)).ExitCode);
        var missing = await Assert.ThrowsAsync<SandboxException>(() => pod.ExecAsync(id, "/no/such/program"));
        Assert.Contains("/no/such/program", missing.Message, StringComparison.Ordinal);
        using var sleep = await pod.Client.ExecAsync(id, "sleep", PodProcess.Command("sleep", "1000"), new ExecStreams(false, true, true));
        await sleep.SignalAsync(15);
        Assert.Equal(143, (await sleep.WaitAsync().WaitAsync(_patience)).ExitCode);
    }

    [Fact]
    public async Task Attach_ReadsWhatTheLogGetsAndWritesToTheMainProcess()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var spec = pod.Container("cat");
        spec = spec with { Process = spec.Process with { Stdin = true, StdinOnce = true } };
        var id = await pod.LaunchAsync(spec);
        using var streams = await pod.Client.AttachAsync(id, new ExecStreams(true, true, false));
        await streams.Stdin!.WriteAsync("through\n"u8.ToArray());
        using var reader = new StreamReader(streams.Stdout!, Encoding.ASCII);
        Assert.Equal("through", await reader.ReadLineAsync().WaitAsync(_patience));
        streams.Stdin.Dispose();
        Assert.Equal(0, (await pod.Client.WaitAsync(id).WaitAsync(_patience)).ExitCode);
        Assert.Equal(["stdout F through"], pod.Log(id));
        Assert.Null(await reader.ReadLineAsync().WaitAsync(_patience));
    }

    [Fact]
    public async Task SignalsLimitsPauseAndStats_ReachTheGuest()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var id = await pod.LaunchAsync("sh", "-c", "trap 'exit 5' TERM; echo ready; while true; do sleep 0.1; done");
        await PodProcess.UntilAsync(() => pod.Log(id).Length > 0, "The first line");
        await pod.Client.UpdateAsync(id, new ResourcesSpec { MemoryLimit = 96 << 20, CpusetCpus = "0", HugepageLimits = new Dictionary<string, ulong> { ["2MB"] = 0 } });
        var stats = await pod.Client.StatsAsync(id, StatsParts.All, details: true);
        Assert.Equal(96L << 20, stats.Limits!.MemoryLimit);
        Assert.True(stats.Usage.Memory!.Usage > 0 && stats.Processes!.Processes > 0);
        Assert.True((await pod.Client.StatsAsync("", StatsParts.Memory)).Usage.Memory!.Usage >= stats.Usage.Memory.Usage / 2);
        await pod.Client.PauseAsync(id);
        Assert.Equal(ProcessStatus.Paused, Assert.Single((await pod.Client.StateAsync()).Containers).Status);
        await pod.Client.ResumeAsync(id);
        await pod.Client.SignalAsync(id, 15);
        Assert.Equal(5, (await pod.Client.WaitAsync(id).WaitAsync(_patience)).ExitCode);
        await pod.Client.SignalAsync(id, 9);
        await pod.Client.KillAllAsync(id);
    }

    [Fact]
    public async Task Terminate_StopsTheGuestsContainersBySignal()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var id = await pod.LaunchAsync("sh", "-c", "trap 'sleep 1; echo done; exit 5' TERM; echo ready; while true; do sleep 0.1; done");
        await PodProcess.UntilAsync(() => pod.Log(id).Length > 0, "The first line");
        var exit = pod.Client.WaitAsync(id);
        pod.Terminate();
        Assert.Equal(5, (await exit.WaitAsync(_patience)).ExitCode);
        Assert.Equal(["stdout F ready", "stdout F done"], pod.Log(id));
    }

    [Fact]
    public async Task PodThatIsEnding_StartsNoMachine()
    {
        var (starts, calls) = (0, 0);
        using var ending = new ManualResetEventSlim();
        await using var pod = await MonitoredPod.StartAsync(boot: false);
        pod.Guest.Starting = () => Interlocked.Increment(ref starts);
        pod.Guest.Confining = () =>
        {
            // After the loop's thread the one that ends things.
            if (Interlocked.Increment(ref calls) == 2)
            {
                ending.Wait(_patience);
            }
        };
        await pod.Client.StartAsync(pod.Spec);
        var boot = pod.Client.BootAsync();
        var shutdown = pod.Client.ShutdownAsync();
        await pod.Client.StateAsync();
        ending.Set();
        await shutdown;
        await Assert.ThrowsAsync<SandboxException>(() => boot);
        await pod.Ended.WaitAsync(_patience);
        Assert.Equal((0, 2), (starts, calls));
    }

    [Fact]
    public async Task PolledStats_KeepTheirFilesOpenInTheGuestWhileTheyArePolled()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        // On v2 the file that tells of processes killed for memory is open as long as the container runs.
        var before = Held();
        Assert.InRange(before, 0, 1);
        await pod.Client.StatsAsync(id, StatsParts.All);
        var held = Held();
        Assert.InRange(held, before + 3, int.MaxValue);
        await pod.Client.StatsAsync(id, StatsParts.All);
        Assert.Equal(held, Held());
        await PodProcess.UntilAsync(() => Held() == before, "The closing");

        int Held() => new DirectoryInfo($"/proc/{pod.Guest.Process!.Pid}/fd").GetFileSystemInfos().Count(f => f.LinkTarget?.Contains(id, StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task OomKill_IsTold()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var spec = pod.Container("sh", "-c", "x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done");
        var id = await pod.LaunchAsync(spec with { Resources = new ResourcesSpec { MemoryLimit = 16 << 20, MemorySwapLimit = 16 << 20 } });
        var exit = await pod.Client.WaitAsync(id).WaitAsync(_patience);
        Assert.Equal((137, true), (exit.ExitCode, exit.OomKilled));
        for (var seen = 0UL; ;)
        {
            var events = await pod.Client.EventsAsync(seen).WaitAsync(_patience);
            if (events.Any(e => e.ContainerOom?.ContainerId == id))
            {
                break;
            }

            seen = events[^1].Sequence;
        }
    }

    [Fact]
    public async Task Mounts_AreExportsAndGoWithTheContainer()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var volume = Directory.CreateDirectory(Path.Combine(pod.Scratch, "volume")).FullName;
        var file = Path.Combine(pod.Scratch, "file");
        File.WriteAllText(file, "content\n");
        var spec = pod.Container("sh", "-c", "cat /mnt/file && echo made > /tmp/made && ! touch /mnt/file && echo shared > /dev/shm/x");
        spec = spec with
        {
            Mounts =
            [
                .. spec.Mounts,
                new MountSpec { Target = "/tmp", Source = new BindSource(volume) },
                new MountSpec { Target = "/mnt/file", Source = new BindSource(file), Readonly = true },
                new MountSpec { Target = "/dev/shm", Source = new SharedMemorySource() },
            ],
        };
        using (var tmp = Tree(volume))
        using (var one = Tree(file))
        {
            await pod.CreateAsync(spec, tmp, one);
        }

        await pod.Client.StartContainerAsync(spec.Id);
        var exit = await pod.Client.WaitAsync(spec.Id).WaitAsync(_patience);
        Assert.Equal(0, exit.ExitCode);
        Assert.Contains("stdout F content", pod.Log(spec.Id));
        Assert.Equal("made\n", File.ReadAllText(Path.Combine(volume, "made")));
        var reader = pod.Container("cat", "/dev/shm/x");
        var (_, lines) = await pod.RunAsync(reader with { Mounts = [.. reader.Mounts, new MountSpec { Target = "/dev/shm", Source = new SharedMemorySource() }] });
        Assert.Equal(["stdout F shared"], lines);
        await pod.Client.DeleteContainerAsync(spec.Id);
        Assert.Equal(1, pod.Guest.Exports);
    }

    [Fact]
    public async Task FailedStart_IsTheEndOfTheContainer()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var spec = pod.Container("/no/such/program");
        await pod.CreateAsync(spec);
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.StartContainerAsync(spec.Id));
        Assert.Contains("/no/such/program", error.Message, StringComparison.Ordinal);
        var exit = await pod.Client.WaitAsync(spec.Id).WaitAsync(_patience);
        Assert.Equal((128, error.Message), (exit.ExitCode, exit.Message));
        await pod.Client.DeleteContainerAsync(spec.Id);
    }

    [Fact]
    public async Task EndOfTheMachine_EndsEveryContainerAndTheMonitor()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var id = await pod.LaunchAsync("sh", "-c", "echo ready; sleep 1000");
        var created = await pod.CreateAsync(pod.Container("true"));
        await PodProcess.UntilAsync(() => pod.Log(id).Length > 0, "The first line");
        using var exec = await pod.Client.ExecAsync(id, "e", PodProcess.Command("sleep", "1000"), new ExecStreams(false, true, true));
        var (wait, execWait) = (pod.Client.WaitAsync(id), exec.WaitAsync());
        pod.Guest.Process!.Kill();
        var exit = await wait.WaitAsync(_patience);
        Assert.Equal((255, "The pod's virtual machine ended: Its process has ended."), (exit.ExitCode, exit.Message));
        Assert.Equal(255, (await execWait.WaitAsync(_patience)).ExitCode);
        Assert.Equal("", await PodProcess.ReadAsync(exec.Stdout!));
        await pod.Ended.WaitAsync(_patience);
        Assert.Equal(1, pod.ExitCode);
        Assert.True(File.Exists(Path.Combine(pod.RunDirectory, "exits", $"{id}.json")));
        Assert.False(File.Exists(Path.Combine(pod.RunDirectory, "exits", $"{created.Id}.json")));
        Assert.Equal(["stdout F ready"], pod.Log(id));
    }

    [Fact]
    public async Task Shutdown_EndsTheGuestAndWritesTheExits()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var id = await pod.LaunchAsync("sh", "-c", "echo ready; sleep 1000");
        await PodProcess.UntilAsync(() => pod.Log(id).Length > 0, "The first line");
        var (wait, guest) = (pod.Client.WaitAsync(id), pod.Guest.Process!.Pid);
        await pod.Client.ShutdownAsync();
        Assert.Equal(137, (await wait.WaitAsync(_patience)).ExitCode);
        await pod.Ended.WaitAsync(_patience);
        Assert.Equal(0, pod.ExitCode);
        Assert.False(Directory.Exists($"/proc/{guest}"));
    }

    [Theory]
    [InlineData("network")]
    [InlineData("user")]
    [InlineData("machine")]
    public async Task Pod_ThatNoMachineCanBeIsRefused(string what)
    {
        await using var pod = await MonitoredPod.StartAsync(
            spec => what switch
            {
                "network" => spec with { NetworkNamespace = false },
                "user" => spec with { UidMappings = [new IdMapSpec(0, 100000, 65536)], GidMappings = [new IdMapSpec(0, 100000, 65536)] },
                _ => spec with { Vm = null },
            },
            boot: false);
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.StartAsync(pod.Spec));
        Assert.Equal(RpcCode.InvalidArgument, error.Code);
        var early = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.BootAsync());
        Assert.Equal(RpcCode.FailedPrecondition, early.Code);
    }

    [Fact]
    public async Task Container_ThatNoMachineCanHaveIsRefused()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var spec = pod.Container("true");
        foreach (var refused in (ContainerSpec[])
        [
            spec with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Node } },
            spec with { Devices = [new DeviceSpec("/dev/fuse", 'c', 10, 229, 0x1B6, 0, 0)] },
            spec with { Mounts = [new MountSpec { Target = "/m", Source = new TmpfsSource(0, 0x1FF), Propagation = MountPropagation.Shared }] },
        ])
        {
            var error = await Assert.ThrowsAsync<SandboxException>(() => pod.CreateAsync(refused));
            Assert.Equal((RpcCode.InvalidArgument, true), (error.Code, error.Message.Contains("virtual machine", StringComparison.Ordinal)));
        }

        Assert.Equal(0, pod.Guest.Exports);
    }

    private static FileDescriptor Tree(string path)
    {
        var mount = Mounts.OpenTree(FileDescriptor.CurrentDirectory, path, OpenTreeFlags.Clone);
        Mounts.MountSetAttr(mount, MountAttributes.None, propagation: MountFlags.Private);
        return mount;
    }

    private static async Task<long> ReadAllAsync(Stream stream)
    {
        var (total, buffer) = (0L, new byte[65536]);
        for (int count; (count = await stream.ReadAsync(buffer).AsTask().WaitAsync(_patience)) > 0;)
        {
            total += count;
        }

        return total;
    }
}
