using System.Diagnostics;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>The systemd driver on the machine's own systemd: units, slices and what is left of them.</summary>
public sealed class SystemdDriverTests(PodNode node) : IClassFixture<PodNode>
{
    [Fact]
    public async Task Pod_IsAScopeInItsSlice_AndItsProcessIsNotInIt()
    {
        Require();
        var pod = await node.RunPodAsync();
        var scope = $"/{node.CgroupParent}/crisp-{pod}.scope";
        Assert.Equal(scope, await ShowAsync($"crisp-{pod}.scope", "ControlGroup"));
        Assert.Equal("yes", await ShowAsync($"crisp-{pod}.scope", "Delegate"));
        Assert.Equal("infinity", await ShowAsync($"crisp-{pod}.scope", "TasksMax"));
        Assert.Equal("active", await ShowAsync($"crisp-sandbox-{pod}.scope", "ActiveState"));

        var process = Invariants.PodProcesses(node).Single(p => p.Value == pod).Key;
        Assert.DoesNotContain(node.CgroupParent, await File.ReadAllTextAsync($"/proc/{process}/cgroup"), StringComparison.Ordinal);
        await node.RemovePodAsync(pod);
        await AssertGoneAsync(pod);
    }

    [Fact]
    public async Task Scope_OutlivesItsContainers_AndTakesTheNext()
    {
        Require();
        var pod = await node.RunPodAsync();
        for (var i = 0; i < 2; i++)
        {
            var container = await node.LaunchAsync(pod, ["sh", "-c", "exit 0"]);
            await node.EndAsync(container);
            Assert.Equal("active", await ShowAsync($"crisp-{pod}.scope", "ActiveState"));
        }

        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task DaemonReload_ChangesNothingBelowTheScope()
    {
        Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sleep", "1000"], c => c.Linux.Resources = new LinuxContainerResources
        {
            MemoryLimitInBytes = 64 << 20,
            CpuQuota = 50_000,
            CpuPeriod = 100_000,
            CpuShares = 256,
        });
        var before = Limits(pod, container);
        await RunAsync("systemctl", "daemon-reload");
        await RunAsync("systemctl", "set-property", "--runtime", $"crisp-{pod}.scope", "CPUWeight=200");
        Assert.Equal(before, Limits(pod, container));
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task ScopeOfAPodWhoseRecordIsLost_EndsAtTheNextStart()
    {
        Require();
        var pod = await node.RunPodAsync();
        await node.SleeperAsync(pod);
        await node.Daemon.KillAsync();
        foreach (var pid in Invariants.PodProcesses(node).Where(p => p.Value == pod).Select(p => p.Key))
        {
            using var process = Process.GetProcessById(pid);
            process.Kill();
        }

        Directory.Delete(Path.Combine(node.Daemon.Root, "records"), recursive: true);
        await node.Daemon.StartAgainAsync();
        await AssertGoneAsync(pod);
    }

    private static void Require()
    {
        PodNode.Require();
        Assert.SkipUnless(TestCgroups.IsSystemd, "needs systemd as process 1, and CRISP_TEST_CGROUP_DRIVER=systemd");
    }

    /// <summary>The limits as the kernel has them, of v2 or v1.</summary>
    private string Limits(string pod, string container)
    {
        var files = Directory.GetDirectories("/sys/fs/cgroup").Prepend("/sys/fs/cgroup")
            .Select(d => $"{d}/{node.CgroupParent}/crisp-{pod}.scope/pod/{container}")
            .SelectMany(d => new[] { "cpu.max", "cpu.weight", "memory.max", "cpu.shares", "cpu.cfs_quota_us", "memory.limit_in_bytes" }.Select(f => $"{d}/{f}"))
            .Where(File.Exists).ToList();
        Assert.NotEmpty(files);
        return string.Join('\n', files.Select(f => $"{f}: {File.ReadAllText(f)}"));
    }

    private static async Task AssertGoneAsync(string pod)
    {
        var deadline = DateTime.UtcNow + TimeSpan.FromSeconds(30);
        while (await RunAsync("systemctl", "list-units", "--all", "--plain", "--no-legend", $"crisp-*{pod}.scope") is { Length: > 0 } left)
        {
            Assert.True(DateTime.UtcNow < deadline, left);
            await Task.Delay(100);
        }
    }

    private static async Task<string> ShowAsync(string unit, string property)
        => await RunAsync("systemctl", "show", "--value", "--property", property, unit);

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output.Trim();
    }
}
