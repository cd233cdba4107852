using Crisp.Cgroups;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Tests.Pods;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>Pods in real machines. Each boots a kernel, which an emulated processor takes a minute for: few tests, much in each.</summary>
public sealed class VmPodTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Pod_LivesInAMachineOfItsOwn()
    {
        await using var pod = await VmPodProcess.StartAsync();
        var (exit, lines) = await pod.RunAsync("sh", "-c", "cat /proc/sys/kernel/hostname; grep MemTotal /proc/meminfo; cat /proc/sys/kernel/random/boot_id; echo err >&2; exit 7");
        Assert.Equal(7, exit.ExitCode);
        Assert.Contains("stdout F guest", lines);
        Assert.Contains("stderr F err", lines);
        Assert.DoesNotContain($"stdout F {File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim()}", lines);
        var memory = long.Parse(lines.Single(l => l.Contains("MemTotal", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], null);
        Assert.InRange(memory, 100 << 10, 256 << 10);
        await CheckClockAsync(pod);
        await CheckProcessesAsync(pod);
        await CheckSharedMemoryAsync(pod);
        await VmPodVolumes.CheckAsync(pod);
        await VmPodDisks.CheckAsync(pod);
        await VmPodIsolation.CheckAsync(pod);
        await CheckOutOfMemoryAsync(pod);
    }

    [Fact]
    public Task HostileKernel_ReachesNothingButItsPodsExports() => VmPodIntruder.CheckAsync();

    [Fact]
    public async Task Panic_EndsThePodWithItsReason()
    {
        await using var pod = await VmPodProcess.StartAsync();
        var id = await pod.LaunchAsync("sh", "-c", "echo ready; sleep 1000");
        var wait = pod.Client.WaitAsync(id);
        var spec = pod.Container("sh", "-c", "echo c > /proc/sysrq-trigger");
        await pod.LaunchAsync(spec);
        var exit = await pod.WithWordsAsync(wait, _patience);
        Assert.Equal(255, exit.ExitCode);
        Assert.Contains("The pod's virtual machine ended: ", exit.Message, StringComparison.Ordinal);
        Assert.True(pod.Process.WaitForEnd(_patience));
        Assert.True(File.Exists(Path.Combine(pod.RunDirectory, "exits", $"{id}.json")));
        Assert.Contains("Kernel panic", exit.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task KilledMonitor_LeavesNothing()
    {
        await using var pod = await VmPodProcess.StartAsync();
        var id = await pod.LaunchAsync("sh", "-c", "echo ready; sleep 1000");
        await PodProcess.UntilAsync(() => pod.Log(id).Length > 0, "The first line");
        pod.Process.Kill();
        Assert.True(pod.Process.WaitForEnd(_patience));
    }

    [Fact]
    public async Task FivePods_CostLittleBeyondTheirGuestsMemory()
    {
        const long Most = 15 << 20;
        var pods = new List<VmPodProcess>();
        try
        {
            for (var i = 0; i < 5; i++)
            {
                pods.Add(await VmPodProcess.StartAsync());
                await pods[^1].LaunchAsync("sleep", "1000");
            }

            var beyond = pods.Select(p => MemoryBeyondGuest(p.Process.Pid)).ToList();
            TestContext.Current.TestOutputHelper?.WriteLine($"Beyond the guest's memory, in kB: {string.Join(", ", beyond.Select(b => b >> 10))}");
            Assert.All(beyond, b => Assert.InRange(b, 1, Most));
        }
        finally
        {
            foreach (var pod in pods)
            {
                await pod.DisposeAsync();
            }
        }
    }

    /// <summary>Proportional set size of all but the guest's memory, in bytes (proc_pid_smaps(5)).</summary>
    private static long MemoryBeyondGuest(int pid)
    {
        var (sum, isGuest) = (0L, false);
        foreach (var line in File.ReadLines($"/proc/{pid}/smaps"))
        {
            if (line.Contains("kB", StringComparison.Ordinal))
            {
                sum += !isGuest && line.StartsWith("Pss:", StringComparison.Ordinal) ? long.Parse(line[4..^2], null) << 10 : 0;
            }
            else if (!line.StartsWith("VmFlags", StringComparison.Ordinal))
            {
                isGuest = line.Contains("crisp-guest-memory", StringComparison.Ordinal);
            }
        }

        return sum;
    }

    private static async Task CheckClockAsync(VmPodProcess pod)
    {
        var (_, lines) = await pod.RunAsync("stat", "-c", "%Y", "/proc/self");
        var drift = Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(lines[0].Split(' ')[^1], null));
        Assert.True(drift < 60, $"The guest's clock is off by {drift} s.");
    }

    private static async Task CheckProcessesAsync(VmPodProcess pod)
    {
        var spec = pod.Container("sh", "-c", "trap 'exit 5' TERM; echo ready; while true; do sleep 0.1; done");
        var id = await pod.LaunchAsync(spec);
        await PodProcess.UntilAsync(() => pod.Log(id).Length > 0, "The first line");
        var (code, stdout, stderr) = await pod.ExecAsync(id, "sh", "-c", "echo out; echo err >&2; exit 3");
        Assert.Equal((3, "out\n", "err\n"), (code, stdout, stderr));
        using (var cat = await pod.Client.ExecAsync(id, "cat", PodProcess.Command("cat"), new ExecStreams(true, true, false)))
        {
            await cat.Stdin!.WriteAsync("through\n"u8.ToArray());
            cat.Stdin.Dispose();
            Assert.Equal("through\n", await PodProcess.ReadAsync(cat.Stdout!));
        }

        await pod.Client.UpdateAsync(id, new ResourcesSpec { MemoryLimit = 64 << 20 });
        VmPodConfinement.Check(pod.Process.Pid);
        var stats = await pod.Client.StatsAsync(id, StatsParts.All, details: true);
        Assert.Equal(64L << 20, stats.Limits!.MemoryLimit);
        Assert.True(stats.Usage.Memory!.Usage > 0 && stats.Usage.Cpu!.Usage > 0 && stats.Processes!.Processes > 0, $"{stats}");
        var exits = await pod.Client.MachineExitsAsync();
        Assert.True(exits!["mmio"] > 0 && exits["io"] > 0, string.Join(", ", exits));
        await pod.Client.PauseAsync(id);
        await pod.Client.ResumeAsync(id);
        await pod.Client.SignalAsync(id, 15);
        Assert.Equal(5, (await pod.Client.WaitAsync(id).WaitAsync(_patience)).ExitCode);
        await pod.Client.DeleteContainerAsync(id);

        var attached = pod.Container("cat");
        var cats = await pod.LaunchAsync(attached with { Process = attached.Process with { Stdin = true, StdinOnce = true } });
        using var streams = await pod.Client.AttachAsync(cats, new ExecStreams(true, true, false));
        await streams.Stdin!.WriteAsync("attached\n"u8.ToArray());
        streams.Stdin.Dispose();
        Assert.Equal("attached\n", await pod.WithWordsAsync(PodProcess.ReadAsync(streams.Stdout!), _patience));
        Assert.Equal(0, (await pod.Client.WaitAsync(cats).WaitAsync(_patience)).ExitCode);

        var terminal = PodProcess.WithDevpts(pod.Container("sh", "-c", "test -t 0 && echo tty; echo err >&2"));
        var (exit, lines) = await pod.RunAsync(terminal with { Process = terminal.Process with { Terminal = true } });
        Assert.Equal((0, "stdout F tty,stdout F err"), (exit.ExitCode, string.Join(',', lines)));
    }

    private static async Task CheckSharedMemoryAsync(VmPodProcess pod)
    {
        var shared = new MountSpec { Target = "/dev/shm", Source = new SharedMemorySource() };
        foreach (var script in (string[])["echo shared > /dev/shm/x", "grep shared /dev/shm/x"])
        {
            var spec = pod.Container("sh", "-c", script);
            Assert.Equal(0, (await pod.RunAsync(spec with { Mounts = [.. spec.Mounts, shared] })).Exit.ExitCode);
        }
    }

    private static async Task CheckOutOfMemoryAsync(VmPodProcess pod)
    {
        var spec = pod.Container("sh", "-c", "x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done");
        var id = await pod.LaunchAsync(spec with { Resources = new ResourcesSpec { MemoryLimit = 16 << 20, MemorySwapLimit = 16 << 20 } });
        var exit = await pod.Client.WaitAsync(id).WaitAsync(_patience);
        Assert.Equal((137, true), (exit.ExitCode, exit.OomKilled));
    }
}
