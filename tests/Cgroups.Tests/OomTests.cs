using Crisp.Linux;
using Xunit;

namespace Crisp.Cgroups.Tests;

public sealed class OomTests : IDisposable
{
    // tail keeps all that comes without a line's end, so it grows until it is stopped.
    private const string Grow = "head -c 200000000 /dev/zero | tail";
    private readonly CgroupFixture _fixture = new();

    public OomTests()
    {
        _fixture.Requires("memory");
        _fixture.Cgroup.Apply(new CgroupLimits { MemoryLimit = 20 << 20 });
    }

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void OomKill_IsCountedAndReported()
    {
        using var watch = _fixture.Cgroup.WatchOom();
        Assert.NotNull(watch);
        using var epoll = new Epoll();
        epoll.Add(watch.Descriptor, watch.Events, 7);
        var reports = new EpollReport[1];
        Assert.Equal(0, epoll.Wait(reports, 0));
        Assert.Equal(0UL, _fixture.Cgroup.OomKillCount);

        _fixture.Run(Grow).WaitForExit();

        Assert.Equal(1, epoll.Wait(reports, (int)CgroupFixture.Deadline.TotalMilliseconds));
        Assert.True(watch.Read() >= 1);
        Assert.True(_fixture.Cgroup.OomKillCount >= 1);
        Assert.False(watch.CgroupRemoved);
    }

    [Fact]
    public void OomKill_InACgroupBelow_IsCountedAbove()
    {
        _fixture.Run(Grow).WaitForExit();

        Assert.True(_fixture.Manager.Open(_fixture.Parent).OomKillCount >= 1);
    }

    [Fact]
    public void Watch_CgroupRemoved_SaysSo()
    {
        using var watch = _fixture.Cgroup.WatchOom();
        using var epoll = new Epoll();
        epoll.Add(watch!.Descriptor, watch.Events, 0);

        _fixture.Cgroup.Remove(CgroupFixture.Deadline);

        if (_fixture.IsV1)
        {
            Assert.Equal(1, epoll.Wait(new EpollReport[1], (int)CgroupFixture.Deadline.TotalMilliseconds));
        }

        Assert.Equal(0UL, watch.Read());
        Assert.True(watch.CgroupRemoved);
    }
}
