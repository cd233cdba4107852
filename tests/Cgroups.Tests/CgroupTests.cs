using Crisp.Linux;
using Xunit;

namespace Crisp.Cgroups.Tests;

/// <summary>The life of a real cgroup, on whichever version the machine has.</summary>
public sealed class CgroupTests : IDisposable
{
    private readonly CgroupFixture _fixture = new();

    private ICgroup Cgroup => _fixture.Cgroup;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Create_Again_IsTheSame()
    {
        Assert.True(Cgroup.Exists);
        Assert.True(_fixture.Manager.Create(Cgroup.Path).Exists);
        Assert.Empty(Cgroup.Processes());
    }

    [Fact]
    public void Siblings_ManyAtOnce_AreMadeAndRemoved()
    {
        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var sibling = _fixture.Manager.Create(_fixture.Parent.Child($"sibling{i}"));
            Assert.True(sibling.Exists);
            sibling.Remove(CgroupFixture.Deadline);
            Assert.False(sibling.Exists);
        });
    }

    [Fact]
    public void AddProcess_ListsIt_AlsoFromBelow()
    {
        var child = _fixture.Manager.Create(_fixture.Parent.Child("other"));
        var here = _fixture.Run("exec sleep 100");
        var there = _fixture.Run("exec sleep 100", child);

        Assert.Contains(here.Id, Cgroup.Processes());
        Assert.Contains(there.Id, child.Processes());
        Assert.DoesNotContain(there.Id, Cgroup.Processes());
        var parent = _fixture.Manager.Open(_fixture.Parent);
        Assert.Superset(new HashSet<int> { here.Id, there.Id }, new HashSet<int>(parent.Processes()));
        Assert.Equal(parent.Processes().Order(), parent.SettledProcesses().Order());
    }

    [Fact]
    public void AddProcess_ThatEnded_SaysSo()
    {
        var process = _fixture.Run("exit 0");
        process.WaitForExit();

        var error = Assert.Throws<CgroupException>(() => Cgroup.AddProcess(process.Id));

        Assert.Equal(Errno.ESRCH, error.Errno);
        Assert.Contains($"write \"{process.Id}\" to", error.Message);
        Assert.Contains("The process has ended", error.Message);
    }

    [Fact]
    public void Kill_ForkBomb_LeavesNothing()
    {
        _fixture.Requires("pids");
        Cgroup.Apply(new CgroupLimits { PidsLimit = 200 });
        CgroupFixture.WaitFor(
            () =>
            {
                // A shell whose fork fails at the limit ends: a bomb can burn out between two looks, and is lit again.
                var count = Cgroup.Processes().Count;
                if (count == 0)
                {
                    _fixture.Run("f() { while :; do f & done; }; f 2>/dev/null");
                }

                return count > 50;
            },
            "the fork bomb grows");

        Assert.True(Cgroup.Kill(CgroupFixture.Deadline));
        Assert.Empty(Cgroup.Processes());
    }

    [Fact]
    public void Kill_Below_ReachesChildCgroups()
    {
        _fixture.Run("sleep 100");

        Assert.True(_fixture.Manager.Open(_fixture.Parent).Kill(CgroupFixture.Deadline));
        Assert.Empty(Cgroup.Processes());
    }

    [Fact]
    public void Kill_WhileFrozen_EndsTheProcess()
    {
        var process = _fixture.Run("sleep 100");
        Cgroup.Freeze(CgroupFixture.Deadline);

        Assert.True(Cgroup.Kill(CgroupFixture.Deadline));
        process.WaitForExit();
        Assert.Equal(128 + 9, process.ExitCode);
    }

    [Fact]
    public void Kill_OfAnEmptyOrMissingOne_IsDone()
    {
        Assert.True(Cgroup.Kill(TimeSpan.Zero));
        Cgroup.Remove(CgroupFixture.Deadline);
        Assert.True(Cgroup.Kill(TimeSpan.Zero));
        Cgroup.Remove(TimeSpan.Zero);
    }

    [Fact]
    public void Freeze_StopsAndThaw_GoesOn()
    {
        var process = _fixture.Run("while :; do echo tick; done");
        Cgroup.Freeze(CgroupFixture.Deadline);

        // A pipe holds 64 KiB: what was written before is still there, and then nothing comes.
        var stopped = File.ReadAllText($"/proc/{process.Id}/stat");
        Thread.Sleep(100);
        Assert.Equal(Times(stopped), Times(File.ReadAllText($"/proc/{process.Id}/stat")));

        Cgroup.Thaw();
        for (var i = 0; i < 20000; i++)
        {
            Assert.Equal("tick", process.StandardOutput.ReadLine());
        }

    }

    [Fact]
    public void Remove_WithAProcess_NamesItAndSucceedsAfterwards()
    {
        var process = _fixture.Run("sleep 100");

        var error = Assert.Throws<CgroupException>(() => Cgroup.Remove(TimeSpan.FromMilliseconds(50)));

        Assert.Equal(Errno.EBUSY, error.Errno);
        Assert.Contains($"{process.Id}", error.Message);
        Cgroup.Kill(TimeSpan.Zero);
        Cgroup.Remove(CgroupFixture.Deadline);
        Assert.False(Cgroup.Exists);
    }

    [Fact]
    public void Remove_TakesWhatTheContainerMadeBelow()
    {
        Assert.False(Cgroup.HasChildren);
        _fixture.Manager.Create(_fixture.Cgroup.Path.Child("a").Child("b"));
        Assert.True(Cgroup.HasChildren);

        Cgroup.Remove(CgroupFixture.Deadline);

        Assert.False(Cgroup.Exists);
    }

    [Fact]
    public void OpenDirectory_IsForVersion2Alone()
    {
        using var directory = Cgroup.OpenDirectory();

        Assert.Equal(_fixture.IsV1, directory is null);
    }

    // utime and stime of proc_pid_stat(5).
    private static string Times(string stat) => string.Join(' ', stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[11..13]);
}
