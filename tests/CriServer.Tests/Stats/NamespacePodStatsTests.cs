using System.Diagnostics;
using Crisp.Cgroups;
using Crisp.Cgroups.Polling;
using Crisp.CriServer.State;
using Crisp.CriServer.Stats;
using Crisp.CriServer.Tests.State;
using Crisp.Linux;
using Crisp.Sandbox.Processes;
using Xunit;

namespace Crisp.CriServer.Tests.Stats;

/// <summary>On cgroups of the test's own, as the pod's process would have made them, with processes that wait in them.</summary>
public sealed class NamespacePodStatsTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);
    private readonly ICgroupManager _cgroups;
    private readonly PolledCgroups _polled;
    private readonly string _path = $"crisp-test-{Guid.NewGuid():n}";
    private readonly ContainerRecord _container;
    private readonly ICgroup _cgroup;
    private readonly Process _process;

    public NamespacePodStatsTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Cgroups need root.");
        _cgroups = CgroupManager.Detect();
        _polled = new PolledCgroups(_cgroups, TimeProvider.System);
        var path = CgroupPath.Parse(_path).Child("container");
        _cgroup = _cgroups.Create(path);
        _process = Start("read go; ulimit -n 200; exec 5</dev/null; i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done; read end");
        var record = Records.Container("pod");
        _container = record with { Stage = ContainerStage.Running, Pid = _process.Id, Spec = record.Spec with { CgroupPath = path.Value } };
    }

    public void Dispose()
    {
        if (_process is not null)
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
            _polled.Dispose();
            _cgroups.Open(CgroupPath.Parse(_path)).Remove(_patience);
        }
    }

    [Fact]
    public async Task PodAndContainer_AreReadFromTheirCgroups()
    {
        Work();
        using var stats = new NamespacePodStats(_polled, _path, networkNamespace: null);
        var container = await stats.ContainerAsync(_container, StatsParts.All, default);
        var pod = await stats.PodAsync(StatsParts.All, default);
        Assert.True(container.Cpu!.Usage > 1_000_000, $"{container.Cpu}");
        Assert.True(pod.Cgroup.Cpu!.Usage >= container.Cpu.Usage);
        Assert.True(pod.Cgroup.Memory!.Usage > 0);
        Assert.Equal((1UL, 1UL), (container.Pids!.Current, pod.Cgroup.Pids!.Current));
        Assert.Null(pod.Links);
        Assert.Equal(_cgroups.Facts.Pressure, pod.Cgroup.CpuPressure is not null);
    }

    [Fact]
    public async Task Processes_AreCountedOneByOne()
    {
        Work();
        using var stats = new NamespacePodStats(_polled, _path, networkNamespace: null);
        var counts = (await stats.DetailsAsync(_container, default)).Processes;

        // Standard streams, descriptor 5, and what the shell has inherited.
        var links = new DirectoryInfo($"/proc/{_process.Id}/fd").GetFileSystemInfos().Select(f => f.LinkTarget).ToList();
        Assert.True(links.Count >= 4);
        Assert.Equal(
            new ProcessCounts(1, (ulong)links.Count, (ulong)links.Count(l => l!.StartsWith("socket:", StringComparison.Ordinal)), 0, 200),
            counts);
    }

    [Fact]
    public void Sockets_AreCountedAmongTheDescriptors()
    {
        var (first, second) = Sockets.CreatePair();
        using (first)
        using (second)
        {
            var (descriptors, sockets) = ProcessCounter.Descriptors([Environment.ProcessId, int.MaxValue]);
            Assert.True(sockets >= 2);
            Assert.True(descriptors > sockets);
        }
    }

    [Fact]
    public async Task Limits_AreTheKernels()
    {
        _cgroup.Apply(new CgroupLimits { CpuPeriod = 50_000, CpuQuota = 10_000, MemoryLimit = 64 << 20 });
        using var stats = new NamespacePodStats(_polled, _path, networkNamespace: null);
        var limits = (await stats.DetailsAsync(_container, default)).Limits;
        Assert.Equal((50_000UL, 10_000L, 64L << 20), (limits!.CpuPeriod, limits.CpuQuota, limits.MemoryLimit));
    }

    [Fact]
    public async Task ContainerThatHasEnded_HasNothing()
    {
        using var stats = new NamespacePodStats(_polled, _path, networkNamespace: null);
        var gone = _container with { Pid = 0, Spec = _container.Spec with { CgroupPath = $"{_path}/gone" } };
        var usage = await stats.ContainerAsync(gone, StatsParts.All, default);
        Assert.Equal((null, null, null), (usage.Cpu, usage.Memory, usage.Pids));
        Assert.Equal(0UL, (await stats.DetailsAsync(gone, default)).Processes!.Processes);
    }

    [Fact]
    public async Task NetworkOfAPodWhoseProcessHasEnded_IsNone()
    {
        using var ended = Start("read end");
        ended.Kill();
        ended.WaitForExit();
        using var stats = new NamespacePodStats(_polled, _path, $"/proc/{ended.Id}/fd/13");
        Assert.Null((await stats.PodAsync(StatsParts.None, default)).Links);
    }

    [Fact]
    public async Task Network_IsThatOfThePodsNamespace_UntilTheEnd()
    {
        var stats = new NamespacePodStats(_polled, _path, "/proc/thread-self/ns/net");
        var links = (await stats.PodAsync(StatsParts.None, default)).Links!;
        Assert.Contains(links, l => l.IsLoopback);
        Assert.Equal(File.ReadAllLines("/proc/thread-self/net/dev").Length - 2, links.Count);
        stats.Dispose();
        Assert.Null((await stats.PodAsync(StatsParts.None, default)).Links);
    }

    private Process Start(string script)
    {
        var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _cgroup.AddProcess(process.Id);
        return process;
    }

    private void Work()
    {
        _process.StandardInput.WriteLine();
        Assert.Equal("done", _process.StandardOutput.ReadLine());
    }
}
