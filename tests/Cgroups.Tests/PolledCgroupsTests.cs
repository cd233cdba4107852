using Crisp.Cgroups.Polling;
using Xunit;

namespace Crisp.Cgroups.Tests;

/// <summary>Cgroups of this machine's own kind, whose files stay open between readings.</summary>
public sealed class PolledCgroupsTests : IDisposable
{
    private static readonly TimeSpan _second = TimeSpan.FromSeconds(1);
    private readonly CgroupFixture _fixture = new();
    private readonly HandClock _time = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void FilesThatStayOpen_TellWhatIsNow()
    {
        _fixture.Requires("pids");
        using var polled = Polled();
        Assert.Equal(0UL, Stats(polled).Pids!.Current);
        var held = polled.FilesHeld;
        Assert.True(held > 0);
        _fixture.Run("read end");
        Assert.Equal(1UL, Stats(polled).Pids!.Current);
        Assert.Equal(held, polled.FilesHeld);
        _fixture.Cgroup.Apply(new CgroupLimits { PidsLimit = 7 });
        Assert.Equal(7UL, Stats(polled).Pids!.Limit);
        Assert.Equal(Path().Stats(StatsParts.Memory).Memory!.Limit, Stats(polled).Memory!.Limit);
    }

    [Fact]
    public void Limits_AreReadFromOpenFilesToo()
    {
        using var polled = Polled();
        var before = polled.Get(_fixture.Cgroup.Path.Value).ReadLimits(LimitParts.CpuAndMemory);
        var held = polled.FilesHeld;
        _fixture.Cgroup.Apply(new CgroupLimits { CpuShares = 512, MemoryLimit = 64 << 20 });
        var limits = polled.Get(_fixture.Cgroup.Path.Value).ReadLimits(LimitParts.CpuAndMemory);
        Assert.NotEqual(before.MemoryLimit, limits.MemoryLimit);
        Assert.Equal((Path().ReadLimits().CpuShares, 64L << 20, null), (limits.CpuShares, limits.MemoryLimit, limits.PidsLimit));
        Assert.Equal(held, polled.FilesHeld);
    }

    [Fact]
    public void OpenFiles_HoldNoCgroup_AndOneOfTheSameNameIsReadAnew()
    {
        _fixture.Requires("pids");
        using var polled = Polled();
        Stats(polled);
        _fixture.Cgroup.Remove(CgroupFixture.Deadline);
        Assert.False(_fixture.Cgroup.Exists);
        Assert.Null(Stats(polled).Pids);
        Assert.Equal(0, polled.FilesHeld);
        _fixture.Manager.Create(_fixture.Cgroup.Path);
        _fixture.Run("read end");
        Assert.Equal(1UL, Stats(polled).Pids!.Current);
    }

    [Fact]
    public void Version2_IsReadFromOpenFilesToo()
    {
        using var tree = new FakeTree(
            ("cpu.stat", "usage_usec 5\n"), ("memory.current", "4096\n"), ("memory.stat", "anon 1\n"), ("memory.max", "max\n"),
            ("pids.current", "3\n"), ("pids.max", "max\n"), ("cpu.max", "max 100000\n"));
        using var polled = new PolledCgroups(new Crisp.Cgroups.V2.V2Manager(tree.Root), _time, mostFiles: 1000);
        Assert.Equal(5000UL, polled.Get("pod/container").Stats().Cpu!.Usage);
        Assert.Equal(6, polled.FilesHeld);
        tree.Write("pids.current", "4\n");
        tree.Write("cpu.max", "500 1000\n");
        var stats = polled.Get("pod/container").Stats();
        Assert.Equal((4UL, null, 4096UL), (stats.Pids!.Current, stats.Pids.Limit, stats.Memory!.Usage));
        var limits = polled.Get("pod/container").ReadLimits(LimitParts.CpuAndMemory);
        Assert.Equal((500L, 1000UL, null), (limits.CpuQuota, limits.CpuPeriod, limits.PidsLimit));
        Assert.Equal(7, polled.FilesHeld);
    }

    [Fact]
    public void Files_AreClosedWhenNobodyAsksForSomeSeconds()
    {
        using var polled = Polled();
        for (var i = 0; i < 10; i++)
        {
            Stats(polled);
            Assert.True(polled.FilesHeld > 0);
            _time.Advance(_second);
        }

        _time.Advance(4 * _second);
        Assert.Equal(0, polled.FilesHeld);
        Stats(polled);
        Assert.True(polled.FilesHeld > 0);
    }

    [Fact]
    public void NoMoreFilesThanAllowed_AreHeld_AndAllAreRead()
    {
        _fixture.Requires("pids");
        using var polled = new PolledCgroups(_fixture.Manager, _time, mostFiles: 1);
        Stats(polled);
        Assert.Equal(1, polled.FilesHeld);
        var stats = Stats(polled);
        Assert.Equal((true, true, true), (stats.Cpu is not null, stats.Memory is not null, stats.Pids is not null));
    }

    [Fact]
    public void AfterDisposal_NothingIsHeld()
    {
        _fixture.Requires("pids");
        var polled = Polled();
        var cgroup = polled.Get(_fixture.Cgroup.Path.Value);
        cgroup.Stats();
        polled.Dispose();
        Assert.NotNull(cgroup.Stats().Pids);
        Assert.NotNull(Stats(polled).Pids);
        Assert.Equal(0, polled.FilesHeld);
    }

    private PolledCgroups Polled() => new(_fixture.Manager, _time, mostFiles: 1000);

    private CgroupStats Stats(PolledCgroups polled) => polled.Get(_fixture.Cgroup.Path.Value).Stats();

    private ICgroup Path() => _fixture.Manager.Open(_fixture.Cgroup.Path);

    /// <summary>A clock that a test moves on, with one timer.</summary>
    private sealed class HandClock : TimeProvider, ITimer
    {
        private Action _callback = () => { };
        private TimeSpan _now;
        private TimeSpan? _next;
        private TimeSpan _period;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _callback = () => callback(state);
            Change(dueTime, period);
            return this;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            (_next, _period) = (dueTime == Timeout.InfiniteTimeSpan ? null : _now + dueTime, period);
            return true;
        }

        public void Advance(TimeSpan time)
        {
            _now += time;
            while (_next is { } next && next <= _now)
            {
                _next = next + _period;
                _callback();
            }
        }

        public void Dispose() => _next = null;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
