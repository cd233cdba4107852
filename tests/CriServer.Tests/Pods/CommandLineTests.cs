using System.Diagnostics;
using System.Text.Json;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>crisp ps, pods, logs and exec, on real containers.</summary>
public sealed class CommandLineTests(PodNode node) : IClassFixture<PodNode>
{
    [Fact]
    public async Task Ps_ListsWhatRunsAndWithAllWhatHasEnded()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync(p => p.Metadata.Name = "ps");
        var running = await node.LaunchAsync(pod, ["sleep", "1000"], c => c.Metadata.Name = "runner");
        var (ended, _) = await node.OutputAsync(pod, ["sh", "-c", "exit 3"], c => c.Metadata.Name = "ender");
        var lines = (await CrispAsync("ps")).Output.Split('\n');
        Assert.StartsWith("CONTAINER ", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, l => l.StartsWith(running[..12], StringComparison.Ordinal) && l.Contains(" Running ", StringComparison.Ordinal) && l.EndsWith(" default/ps", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.StartsWith(ended.Id[..12], StringComparison.Ordinal));
        lines = (await CrispAsync("ps", "-a")).Output.Split('\n');
        Assert.Contains(lines, l => l.StartsWith(ended.Id[..12], StringComparison.Ordinal) && l.Contains(" Exited (3) ", StringComparison.Ordinal));
        Assert.Contains(ended.Id, (await CrispAsync("ps", "-aq")).Output.Split('\n'));

        var json = JsonDocument.Parse((await CrispAsync("ps", "-o", "json")).Output).RootElement.GetProperty("containers");
        var one = Assert.Single(json.EnumerateArray(), c => c.GetProperty("id").GetString() == running);
        Assert.Equal(("CONTAINER_RUNNING", "runner"), (one.GetProperty("state").GetString(), one.GetProperty("metadata").GetProperty("name").GetString()));
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Pods_AreListedWithTheirState()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync(p => p.Metadata.Name = "listed");
        Assert.Matches($"(?m)^{pod[..12]} .* Ready +listed +default ", (await CrispAsync("pods")).Output);
        await node.StopPodAsync(pod);
        Assert.Matches($"(?m)^{pod[..12]} .* NotReady +listed +default ", (await CrispAsync("pods")).Output);
        var json = JsonDocument.Parse((await CrispAsync("pods", "-o", "json")).Output).RootElement.GetProperty("items");
        Assert.Contains(json.EnumerateArray(), p => p.GetProperty("id").GetString() == pod);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Logs_KeepTheStreamsApartAndTheLinesWhole()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        const string Script = "printf 'no newline yet'; sleep 0.1; echo ' now'; echo problem >&2; yes x | head -c 40000 | tr -d '\\n'; echo";
        var (status, _) = await node.OutputAsync(pod, ["sh", "-c", Script]);
        var (code, output, error) = await CrispAsync("logs", status.Id);
        Assert.Equal((0, $"no newline yet now\n{new string('x', 20000)}\n", "problem\n"), (code, output, error));
        Assert.Matches("^20[0-9-]+T[0-9:.]+Z problem\n$", (await CrispAsync("logs", "--timestamps", status.Id)).Error);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task LogsTail_CountsLinesAndNotTheirRecords()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var (status, _) = await node.OutputAsync(pod, ["sh", "-c", "echo first; echo second; yes x | head -c 40000 | tr -d '\\n'; echo"]);
        Assert.True(File.ReadAllLines(status.LogPath).Length > 3);
        Assert.Equal($"second\n{new string('x', 20000)}\n", (await CrispAsync("logs", "--tail", "2", status.Id)).Output);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task LogsFollow_EndsWithTheContainerAndOutlivesRotationsAndTheDaemon()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); usleep 20000; done; sleep 1000"]);
        using var follow = CrispProcess.Start("logs", "-f", "--socket", node.Daemon.SocketPath, container);
        var path = (await node.StatusAsync(container)).LogPath;
        await ReadAsync(0, 20);
        File.Move(path, path + ".rotated");
        await node.Runtime.ReopenContainerLogAsync(new ReopenContainerLogRequest { ContainerId = container });
        await ReadAsync(20, 100);
        await node.Daemon.KillAsync();
        await ReadAsync(100, 200);
        await node.Daemon.StartAgainAsync();
        await node.StopAsync(container);
        Assert.Equal("", await follow.StandardOutput.ReadToEndAsync());
        await follow.WaitForExitAsync();
        Assert.Equal(0, follow.ExitCode);
        await node.RemovePodAsync(pod);

        async Task ReadAsync(int first, int end)
        {
            for (var i = first; i < end; i++)
            {
                Assert.Equal($"line {i}", await follow.StandardOutput.ReadLineAsync());
            }
        }
    }

    [Fact]
    public async Task LogsFollow_EndsAtAnInterruptWithItsCode()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", "echo started; sleep 1000"]);
        using var follow = CrispProcess.Start("logs", "-f", "--socket", node.Daemon.SocketPath, container);
        Assert.Equal("started", await follow.StandardOutput.ReadLineAsync());
        using (var kill = Process.Start("/bin/kill", ["-INT", $"{follow.Id}"]))
        {
            await kill.WaitForExitAsync();
        }

        await follow.WaitForExitAsync();
        Assert.Equal((130, ""), (follow.ExitCode, await follow.StandardError.ReadToEndAsync()));
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task LogsFollow_EndsWhenNobodyReads()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", "while true; do echo again; usleep 20000; done"]);
        using var shell = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", $"'{CrispBinaries.Crisp}' logs -f --socket '{node.Daemon.SocketPath}' {container} | head -n 1; echo ${{PIPESTATUS[0]}}"])
        {
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("again\n141\n", await shell.StandardOutput.ReadToEndAsync());
        await shell.WaitForExitAsync();
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task LogsPrevious_AreThoseBeforeTheRestart()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync(p => p.Metadata.Name = "restarting");
        for (uint attempt = 0; attempt < 2; attempt++)
        {
            await node.OutputAsync(pod, ["echo", $"attempt {attempt}"], c => (c.Metadata.Name, c.Metadata.Attempt, c.LogPath) = ("again", attempt, $"{attempt}.log"));
        }

        Assert.Equal("attempt 1\n", (await CrispAsync("logs", "restarting/again")).Output);
        Assert.Equal("attempt 0\n", (await CrispAsync("logs", "-p", "restarting/again")).Output);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task Exec_HasTheCommandsOutputErrorsAndCode()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync(p => p.Metadata.Name = "exec");
        var container = await node.LaunchAsync(pod, ["sleep", "1000"], c => c.Metadata.Name = "target");
        Assert.Equal((7, "out\n", "err\n"), await CrispAsync("exec", container[..10], "sh", "-c", "echo out; echo err >&2; exit 7"));
        Assert.Equal((0, "--help\n", ""), await CrispAsync("exec", "default/exec/target", "echo", "--help"));
        var (code, output, error) = await CrispAsync("exec", "exec/target", "/no/such/program");
        Assert.Equal((125, ""), (code, output));
        Assert.Contains("/no/such/program", error, StringComparison.Ordinal);
        Assert.Equal(125, (await CrispAsync("exec", "--timeout", "1", "exec/target", "sleep", "100")).Code);
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task ContainerThatIsNotThere_IsRefusedWithWhatIsNear()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync(p => p.Metadata.Name = "near");
        await node.LaunchAsync(pod, ["sleep", "1000"], c => c.Metadata.Name = "frontend");
        var (code, _, error) = await CrispAsync("logs", "fronted");
        Assert.Equal((1, "crisp: There is no container \"fronted\". Did you mean default/near/frontend?\n"), (code, error));
        await node.RemovePodAsync(pod);
    }

    private async Task<(int Code, string Output, string Error)> CrispAsync(string command, params string[] arguments) =>
        await CrispProcess.RunAsync([command, "--socket", node.Daemon.SocketPath, .. arguments]);
}
