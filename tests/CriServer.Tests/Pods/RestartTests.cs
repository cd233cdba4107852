using System.Text.Json.Nodes;
using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>The daemon dies and comes back; pods' processes die under it; records are damaged.</summary>
public sealed class RestartTests(PodNode node) : IClassFixture<PodNode>
{
    [Fact]
    public async Task DaemonKilled_NoPodNotices()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); usleep 2000; done"]);
        var before = (await node.StatusAsync(container), Pid: Invariants.PidOf(node, container));
        await RestartAsync(async () => await Task.Delay(300));
        Assert.Equal(PodSandboxState.SandboxReady, (await node.PodStatusAsync(pod)).State);
        var after = await node.StatusAsync(container);
        Assert.Equal((ContainerState.ContainerRunning, before.Item1.StartedAt), (after.State, after.StartedAt));
        Assert.Equal(before.Pid, Invariants.PidOf(node, container));
        Assert.Equal((0, "hi\n", ""), await node.ExecAsync(container, "echo", "hi"));
        await node.StopAsync(container);
        var lines = PodNode.Log(await node.StatusAsync(container)).Split('\n');
        Assert.Equal(Enumerable.Range(0, lines.Length).Select(i => $"{i}"), lines);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task ContainerThatEndsMeanwhile_KeepsItsExitCode()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", "sleep 0.5; exit 9"]);
        await RestartAsync(() => Task.Delay(1500));
        var status = await node.StatusAsync(container);
        Assert.Equal((ContainerState.ContainerExited, 9, "Error"), (status.State, status.ExitCode, status.Reason));
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task CreatedContainer_CanBeStartedAfterwards()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.CreateAsync(pod, ["sh", "-c", "exit 3"]);
        await RestartAsync(() => Task.CompletedTask);
        Assert.Equal(ContainerState.ContainerCreated, (await node.StatusAsync(container)).State);
        await node.StartAsync(container);
        Assert.Equal(3, (await node.EndAsync(container)).ExitCode);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task PodsProcessKilled_LeavesACleanNodeAndAnHonestStatus()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", "sleep 1000 & sleep 1000"]);
        Kill(Invariants.PodProcesses(node).Single(p => p.Value == pod).Key);
        var status = await node.EndAsync(container);
        Assert.Equal((255, "SandboxDied"), (status.ExitCode, status.Reason));
        Assert.NotEmpty(status.Message);
        await UntilNotReadyAsync(pod);
        await Invariants.CheckAsync(node);
        Assert.Equal(StatusCode.FailedPrecondition, (await PodNode.RefusedAsync(() => node.CreateAsync(pod, ["true"]))).Code);
        await node.StopPodAsync(pod);
        await node.RemovePodAsync(pod);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task PodsProcessKilledWhileTheDaemonIsAway_IsSeenAtTheStart()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var ended = await node.LaunchAsync(pod, ["sh", "-c", "exit 4"]);
        await node.EndAsync(ended);
        var running = await node.SleeperAsync(pod);
        var process = Invariants.PodProcesses(node).Single(p => p.Value == pod).Key;
        await RestartAsync(() => Task.Run(() => Kill(process)));
        Assert.Equal(PodSandboxState.SandboxNotready, (await node.PodStatusAsync(pod)).State);
        Assert.Equal(4, (await node.StatusAsync(ended)).ExitCode);
        Assert.Equal((255, "SandboxDied"), ((await node.StatusAsync(running)).ExitCode, (await node.StatusAsync(running)).Reason));
        await node.RemovePodAsync(pod);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task AfterAReboot_PodsAreNotReadyAndContainersHaveEnded()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var running = await node.SleeperAsync(pod);
        var created = await node.CreateAsync(pod, ["true"]);
        var process = Invariants.PodProcesses(node).Single(p => p.Value == pod).Key;
        await RestartAsync(() =>
        {
            Kill(process);
            var path = Path.Combine(node.Daemon.Root, "records", "sandboxes", pod + ".json");
            var record = JsonNode.Parse(File.ReadAllText(path))!;
            record["process"]!["bootId"] = "00000000-0000-0000-0000-000000000000";
            File.WriteAllText(path, record.ToJsonString());
            return Task.CompletedTask;
        });
        Assert.Equal(PodSandboxState.SandboxNotready, (await node.PodStatusAsync(pod)).State);
        Assert.Equal((255, "NodeRebooted"), ((await node.StatusAsync(running)).ExitCode, (await node.StatusAsync(running)).Reason));
        Assert.Equal("NeverStarted", (await node.StatusAsync(created)).Reason);
        await node.RemovePodAsync(pod);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task DamagedRecords_AreSetAsideAndTheOthersServe()
    {
        PodNode.Require();
        var good = await node.RunPodAsync();
        var goodContainer = await node.SleeperAsync(good);
        var badContainer = await node.SleeperAsync(good);
        var bad = await node.RunPodAsync();
        var orphan = await node.SleeperAsync(bad);
        await RestartAsync(() =>
        {
            File.WriteAllText(Path.Combine(node.Daemon.Root, "records", "sandboxes", bad + ".json"), "{\"version\":");
            File.WriteAllText(Path.Combine(node.Daemon.Root, "records", "containers", badContainer + ".json"), "");
            return Task.CompletedTask;
        });
        Assert.Equal(PodSandboxState.SandboxReady, (await node.PodStatusAsync(good)).State);
        Assert.Equal(ContainerState.ContainerRunning, (await node.StatusAsync(goodContainer)).State);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => node.StatusAsync(badContainer))).Code);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => node.PodStatusAsync(bad))).Code);
        var status = await node.StatusAsync(orphan);
        Assert.Equal((ContainerState.ContainerExited, 255), (status.State, status.ExitCode));
        Assert.Contains("set aside", node.Daemon.Log, StringComparison.Ordinal);
        await Invariants.CheckAsync(node);
        await node.RemoveAsync(orphan);
        await node.RemovePodAsync(good);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task WhatHasNoRecord_IsRemoved()
    {
        PodNode.Require();
        await RestartAsync(() =>
        {
            foreach (var parent in (string[])["root/sandboxes", "root/containers", "run/sandboxes"])
            {
                var path = Path.Combine(Path.GetDirectoryName(node.Daemon.Root)!, parent);
                Directory.CreateDirectory(Path.Combine(path, new string('e', 64), "upper", "x"));
                File.WriteAllText(Path.Combine(path, "stray"), "");
            }

            return Task.CompletedTask;
        });
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task StoppedPod_StaysStopped()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync(c => c.Annotations.Add("a", "b"));
        var container = await node.LaunchAsync(pod, ["sh", "-c", "exit 6"]);
        await node.EndAsync(container);
        await node.StopPodAsync(pod);
        await RestartAsync(() => Task.CompletedTask);
        var status = await node.PodStatusAsync(pod);
        Assert.Equal((PodSandboxState.SandboxNotready, "b"), (status.State, status.Annotations["a"]));
        Assert.Equal(6, (await node.StatusAsync(container)).ExitCode);
        await node.RemovePodAsync(pod);
    }

    private async Task RestartAsync(Func<Task> meanwhile)
    {
        await node.Daemon.KillAsync();
        await meanwhile();
        await node.Daemon.StartAgainAsync();
    }

    private async Task UntilNotReadyAsync(string pod)
    {
        // The directory goes after the state, and nobody is told of that.
        var run = Path.Combine(node.Daemon.Run, "sandboxes", pod[..32]);
        for (var tries = 0; tries < 500 && ((await node.PodStatusAsync(pod)).State == PodSandboxState.SandboxReady || Directory.Exists(run)); tries++)
        {
            await Task.Delay(20);
        }

        Assert.Equal(PodSandboxState.SandboxNotready, (await node.PodStatusAsync(pod)).State);
    }

    private static void Kill(int pid)
    {
        Linux.Processes.Kill(pid, 9);
        for (var tries = 0; tries < 500 && Directory.Exists($"/proc/{pid}") && !IsZombie(pid); tries++)
        {
            Thread.Sleep(10);
        }
    }

    private static bool IsZombie(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true;
        }
    }
}
