using System.Diagnostics;
using System.Text.Json;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Pods;

/// <summary>The pod as a whole: its start and end, its clients, its orphans, its shared namespaces.</summary>
public sealed class PodTests
{
    [Fact]
    public async Task Start_MayBeRepeatedWithTheSameSpecificationAlone()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        Assert.Equal(RpcCode.FailedPrecondition, await ContainerTests.CodeAsync(() => pod.CreateAsync(pod.Container("true"))));
        Assert.Equal(RpcCode.InvalidArgument, await ContainerTests.CodeAsync(() => pod.Client.StartAsync(pod.Spec with { Id = new string('0', 64) })));
        var spec = pod.Spec with { IpcNamespace = true };
        var both = await Task.WhenAll(pod.Client.StartAsync(spec), pod.Client.StartAsync(spec));
        Assert.Equal(both[0], both[1]);
        Assert.StartsWith($"/proc/{pod.Process.Pid}/fd/", both[0].Ipc, StringComparison.Ordinal);
        Assert.StartsWith("ipc:", new FileInfo(both[0].Ipc).LinkTarget, StringComparison.Ordinal);
        Assert.Equal(RpcCode.FailedPrecondition, await ContainerTests.CodeAsync(() => pod.Client.StartAsync(spec with { Hostname = "other" })));
        Assert.Equal(both[0], (await pod.Client.StateAsync()).Namespaces);
    }

    [Fact]
    public async Task SecondClient_SeesEverythingAndHearsWhatFollows()
    {
        await using var pod = await PodProcess.StartAsync();
        var first = await pod.LaunchAsync("sleep", "1000");
        var second = (await pod.RunAsync("sh", "-c", "exit 4")).Exit;
        var client = await pod.ReconnectAsync();
        var state = await client.StateAsync();
        Assert.True(state.Started);
        Assert.Equal([ProcessStatus.Running, ProcessStatus.Stopped], state.Containers.Select(c => c.Status).Order());
        Assert.Equal(second, state.Containers.Single(c => c.Exit is not null).Exit);
        Assert.Equal(second, Assert.Single(await client.EventsAsync(0)).ContainerExited.Exit);
        var next = client.EventsAsync(state.EventSequence);
        await client.KillAllAsync(first);
        var told = Assert.Single(await next);
        Assert.Equal((first, state.EventSequence + 1), (told.ContainerExited.ContainerId, told.Sequence));

        // A deleted container is nobody's business any more.
        await client.DeleteContainerAsync(first);
        Assert.Single(await client.EventsAsync(0));
    }

    [Fact]
    public async Task Events_ComeInOrderAndNoneIsLost()
    {
        await using var pod = await PodProcess.StartAsync();
        var ids = new List<string>();
        var seen = new List<Event>();
        var following = Task.Run(async () =>
        {
            for (var after = 0UL; seen.Count < 20;)
            {
                var events = await pod.Client.EventsAsync(after);
                seen.AddRange(events);
                after = events[^1].Sequence;
            }
        });
        for (var i = 0; i < 20; i++)
        {
            ids.Add(await pod.LaunchAsync("true"));
        }

        await following.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(Enumerable.Range(1, 20).Select(i => (ulong)i), seen.Select(e => e.Sequence));
        Assert.Equal(ids.Order(), seen.Select(e => e.ContainerExited.ContainerId).Order());
    }

    /// <summary>A machine that is shut down sends SIGTERM, and nobody else ends the containers then.</summary>
    [Fact]
    public async Task Terminate_StopsContainersBySignalAndWaitsForThem()
    {
        await using var pod = await PodProcess.StartAsync();
        var slow = await pod.LaunchAsync("sh", "-c", "trap 'sleep 1; echo done; exit 5' TERM; echo ready; while :; do sleep 0.1; done");
        var other = pod.Container("sh", "-c", "trap 'exit 6' USR1; trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done") with { StopSignal = "SIGUSR1" };
        await pod.LaunchAsync(other);
        await pod.RunAsync("true");
        await PodProcess.UntilAsync(() => pod.Log(slow).Length + pod.Log(other.Id).Length == 2, "The first lines");
        Linux.Processes.PidfdSendSignal(pod.Process.Pidfd, Signals.Terminate);
        Assert.True(pod.Process.WaitForEnd(TimeSpan.FromSeconds(25)));
        Assert.Equal(["stdout F ready", "stdout F done"], pod.Log(slow));
        Assert.Equal((5, 6), (ExitCode(pod, slow), ExitCode(pod, other.Id)));
    }

    [Fact]
    public async Task Terminate_AgainEndsThePodAtOnce()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sh", "-c", "trap 'echo heard' TERM; echo ready; while :; do sleep 0.1; done");
        var pid = (await ContainerTests.StateAsync(pod, id)).Pid;
        await PodProcess.UntilAsync(() => pod.Log(id).Length == 1, "The first line");
        Linux.Processes.PidfdSendSignal(pod.Process.Pidfd, Signals.Terminate);
        await PodProcess.UntilAsync(() => pod.Log(id).Length == 2, "The second line");
        Linux.Processes.PidfdSendSignal(pod.Process.Pidfd, Signals.Terminate);
        Assert.True(pod.Process.WaitForEnd(TimeSpan.FromSeconds(25)));
        Assert.False(Directory.Exists($"/proc/{pid}"));
        Assert.Equal(137, ExitCode(pod, id));
    }

    [Fact]
    public async Task Terminate_EndsAPodInWhichNothingRuns()
    {
        await using var pod = await PodProcess.StartAsync();
        await pod.CreateAsync(pod.Container("true"));
        Linux.Processes.PidfdSendSignal(pod.Process.Pidfd, Signals.Terminate);
        Assert.True(pod.Process.WaitForEnd(TimeSpan.FromSeconds(25)));
    }

    [Fact]
    public async Task Shutdown_EndsContainersInEveryState()
    {
        await using var pod = await PodProcess.StartAsync(s => s with { SharedPidNamespace = true });
        await pod.CreateAsync(pod.Container("true"));
        await pod.RunAsync("true");
        var running = await pod.LaunchAsync("sh", "-c", "trap '' TERM; sleep 1000 & sleep 1000");
        var shared = pod.Container("sleep", "1000");
        await pod.LaunchAsync(shared with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Pod } });
        await pod.Client.PauseAsync(await pod.LaunchAsync("sleep", "1000"));
        var wait = pod.Client.WaitAsync(running);
        await pod.Client.ShutdownAsync();
        Assert.Equal(137, (await wait).ExitCode);
        Assert.True(pod.Process.WaitForEnd(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task Orphans_AreReaped()
    {
        await using var pod = await PodProcess.StartAsync();

        // In the node's PID namespace orphans are the subreaper's: they end after their parent, and before the container.
        var spec = pod.Container("sh", "-c", "for i in 1 2 3 4 5; do (setsid sleep 0.2 &); done; sleep 1000");
        await pod.LaunchAsync(spec with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Node } });
        await PodProcess.UntilAsync(() => ExecTests.Children(pod).Length > 3, "Orphans");
        await PodProcess.UntilAsync(() => ExecTests.Children(pod).Length == 1, "The reaping of orphans");
    }

    [Fact]
    public async Task ContainerWithoutAPidNamespace_EndsWhole()
    {
        await using var pod = await PodProcess.StartAsync(s => s with { SharedPidNamespace = true });
        foreach (var pid in (PidNamespace[])[PidNamespace.Pod, PidNamespace.Node])
        {
            var spec = pod.Container("sh", "-c", "(setsid sleep 1000 &); (setsid sleep 1000 &); usleep 100000; exit 3");
            var (exit, _) = await pod.RunAsync(spec with { Namespaces = new NamespacesSpec { Pid = pid } });
            Assert.Equal(3, exit.ExitCode);
            var cgroup = Cgroups.CgroupManager.Detect().Open(Cgroups.CgroupPath.Parse(spec.CgroupPath));
            Assert.Empty(cgroup.Processes());
        }
    }

    [Fact]
    public async Task SharedPidNamespace_ShowsAllContainersToEachOther()
    {
        await using var pod = await PodProcess.StartAsync(s => s with { SharedPidNamespace = true });
        var first = pod.Container("sleep", "999");
        await pod.LaunchAsync(first with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Pod } });
        var second = pod.Container("ps");
        var (_, lines) = await pod.RunAsync(second with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Pod } });
        Assert.Contains(lines, l => l.Contains("sleep 999", StringComparison.Ordinal));
        var target = pod.Container("ps");
        var own = await pod.LaunchAsync("sleep", "998");
        (_, lines) = await pod.RunAsync(target with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Target, TargetContainerId = own } });
        Assert.Contains(lines, l => l.Contains("sleep 998", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.Contains("sleep 999", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NumberedLines_SurviveRotationAndTheLossOfTheClient()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("seq", "1", "300000");
        var path = pod.LogPath(id);
        var rotated = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            await using var client = await pod.ConnectAsync();
            rotated.Add($"{path}.{i}");
            File.Move(path, rotated[^1]);
            try
            {
                await client.ReopenLogAsync(id);
            }
            catch (SandboxException e) when (e.Code == RpcCode.FailedPrecondition)
            {
                // It was faster: nothing is written any more. The kubelet moves the file back then.
                File.Move(rotated[^1], path);
                break;
            }
        }

        var exit = await pod.Client.WaitAsync(id);
        Assert.True(exit.ExitCode == 0, $"{exit} {pod.Words}");
        var numbers = rotated.Append(path).Where(File.Exists).SelectMany(File.ReadLines).Select(l => int.Parse(l.Split(' ')[3]));
        Assert.Equal(Enumerable.Range(1, 300_000), numbers);
    }

    [Fact]
    public async Task LongOperations_DoNotHoldUpTheOthers()
    {
        await using var pod = await PodProcess.StartAsync();
        var noisy = await pod.LaunchAsync("sh", "-c", "while :; do echo x; done");
        var clock = Stopwatch.StartNew();
        var others = Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            var id = await pod.LaunchAsync("sleep", "1000");
            await pod.Client.DeleteContainerAsync(id);
        }));
        var longest = TimeSpan.Zero;
        while (!others.IsCompleted)
        {
            var before = clock.Elapsed;
            await pod.Client.StateAsync();
            longest = clock.Elapsed - before > longest ? clock.Elapsed - before : longest;
        }

        await others;
        Assert.True(longest < TimeSpan.FromSeconds(1), $"State took {longest}.");
        await pod.Client.DeleteContainerAsync(noisy);
    }

    [Fact]
    public async Task ManyLives_LeaveNoDescriptorThreadOrZombie()
    {
        await using var pod = await PodProcess.StartAsync();
        await LiveAsync();
        await PodProcess.UntilAsync(() => ExecTests.Children(pod).Length == 0, "The end of the first life");
        var (descriptors, threads) = (pod.CountDescriptors(), Threads(pod).Count);
        for (var i = 0; i < 5; i++)
        {
            await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => LiveAsync()));
        }

        await PodProcess.UntilAsync(() => pod.CountDescriptors() == descriptors, "The closing of descriptors");
        await PodProcess.UntilAsync(() => Threads(pod).Count <= threads, "The end of threads");
        Assert.Empty(ExecTests.Children(pod));

        // Nothing here may use .NET's thread pool: its threads would come and stay.
        Assert.DoesNotContain(Threads(pod), t => t.Contains("TP", StringComparison.Ordinal));

        async Task LiveAsync()
        {
            var id = await pod.LaunchAsync(PodProcess.WithDevpts(pod.Container("sleep", "1000")));
            await pod.ExecAsync(id, "echo", "x");
            var tty = PodProcess.Command("tty") with { Terminal = true };
            using (var session = await pod.Client.ExecAsync(id, "tty", tty, new Client.ExecStreams(true, true, false)))
            {
                Assert.Equal("/dev/pts/0\r\n", await PodProcess.ReadAsync(session.Stdout!));
            }

            await pod.Client.DeleteContainerAsync(id);
        }
    }

    [Fact]
    public async Task ExitFilesOfDeletedContainers_DoNotPileUp()
    {
        await using var pod = await PodProcess.StartAsync();
        for (var i = 0; i < 70; i++)
        {
            await pod.Client.DeleteContainerAsync((await pod.CreateAsync(pod.Container("true"))).Id);
        }

        var kept = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            var id = await pod.LaunchAsync("true");
            await pod.Client.WaitAsync(id);
            await pod.Client.DeleteContainerAsync(id);
            kept.Add(id);
        }

        Assert.Equal(kept.Order(), Directory.GetFiles(Path.Combine(pod.RunDirectory, "exits")).Select(f => Path.GetFileNameWithoutExtension(f)!).Order());
    }

    private static List<string> Threads(PodProcess pod)
        => [.. Directory.GetDirectories($"/proc/{pod.Process.Pid}/task").Select(t => File.ReadAllText(Path.Combine(t, "comm")).Trim())];

    private static int ExitCode(PodProcess pod, string id)
    {
        using var exit = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(pod.RunDirectory, "exits", $"{id}.json")));
        return exit.RootElement.GetProperty("exitCode").GetInt32();
    }
}
