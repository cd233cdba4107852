using Xunit;

namespace Crisp.Linux.Tests;

public sealed class EpollTests : IDisposable
{
    private readonly Epoll _epoll = new();
    private readonly EventFd _event = new();
    private readonly EpollReport[] _reports = new EpollReport[64];

    public void Dispose()
    {
        _epoll.Dispose();
        _event.Dispose();
    }

    [Fact]
    public void LevelTriggered_ReportsUntilItIsDrained()
    {
        _epoll.Add(_event.Descriptor, EpollEvents.In, 0xFEDC_BA98_7654_3210);
        Assert.Equal(0, _epoll.Wait(_reports, 0));
        _event.Signal();

        Assert.Equal(1, _epoll.Wait(_reports, 0));
        Assert.Equal(1, _epoll.Wait(_reports, -1));
        Assert.Equal(new EpollReport(EpollEvents.In, 0xFEDC_BA98_7654_3210), _reports[0]);
        Assert.Equal(1UL, _event.Drain());
        Assert.Equal(0, _epoll.Wait(_reports, 0));
    }

    [Fact]
    public void EdgeTriggered_ReportsEachChangeOnce()
    {
        _epoll.Add(_event.Descriptor, EpollEvents.In | EpollEvents.EdgeTriggered, 1);
        _event.Signal();

        Assert.Equal(1, _epoll.Wait(_reports, 0));
        Assert.Equal(0, _epoll.Wait(_reports, 0));
        _event.Signal();
        Assert.Equal(1, _epoll.Wait(_reports, 0));
    }

    [Fact]
    public void OneShot_ReportsNothingUntilItIsArmedAgain()
    {
        _epoll.Add(_event.Descriptor, EpollEvents.In | EpollEvents.OneShot, 1);
        _event.Signal();

        Assert.Equal(1, _epoll.Wait(_reports, 0));
        Assert.Equal(0, _epoll.Wait(_reports, 0));
        _epoll.Modify(_event.Descriptor, EpollEvents.In | EpollEvents.OneShot, 2);
        Assert.Equal(1, _epoll.Wait(_reports, 0));
        Assert.Equal(2UL, _reports[0].Data);
    }

    [Fact]
    public void Wait_ManyReady_FillsInTurn()
    {
        var events = Enumerable.Range(0, 40).Select(_ => new EventFd()).ToList();
        for (var i = 0; i < events.Count; i++)
        {
            _epoll.Add(events[i].Descriptor, EpollEvents.In | EpollEvents.EdgeTriggered, (ulong)i);
            events[i].Signal();
        }

        // 32 at most in one call, and no more than there is room for.
        var seen = new List<ulong>();
        foreach (var (room, count) in new[] { (64, 32), (5, 5), (64, 3), (64, 0) })
        {
            Assert.Equal(count, _epoll.Wait(_reports.AsSpan(0, room), 0));
            seen.AddRange(_reports.Take(count).Select(r => r.Data));
        }

        Assert.Equal(Enumerable.Range(0, 40).Select(i => (ulong)i), seen.Order());
        events.ForEach(e => e.Dispose());
    }

    [Fact]
    public void Wait_NoRoom_IsAnError()
        => Assert.StartsWith("epoll_wait: EINVAL", Assert.Throws<LinuxException>(() => _epoll.Wait([], 0)).Message);

    [Fact]
    public void Wait_NothingHappens_EndsInTime()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();

        Assert.Equal(0, _epoll.Wait(_reports, 50));

        Assert.InRange(clock.ElapsedMilliseconds, 45, 20_000);
    }

    [Fact]
    public void HangUp_OfAPipeAndOfASocket_AreReported()
    {
        var (read, write) = Pipes.Create();
        var (first, second) = Sockets.CreatePair();
        using var reader = read;
        using var one = first;
        _epoll.Add(reader, EpollEvents.In, 1);
        _epoll.Add(one, EpollEvents.PeerHangUp, 2);
        write.Dispose();
        Sockets.ShutdownWrite(second);

        Assert.Equal(2, _epoll.Wait(_reports, 0));

        Assert.Equal(
            [new EpollReport(EpollEvents.HangUp, 1), new EpollReport(EpollEvents.PeerHangUp, 2)], _reports.Take(2).OrderBy(r => r.Data));
        second.Dispose();
    }

    [Fact]
    public void Close_OfTheLastDescriptor_TakesTheFileOut()
    {
        var duplicate = new EventFd();
        _epoll.Add(duplicate.Descriptor, EpollEvents.In, 1);
        duplicate.Signal();
        using (var second = duplicate.Descriptor.Duplicate())
        {
            duplicate.Dispose();

            // The open file lives on in its other descriptor, and so does its entry.
            Assert.Equal(1, _epoll.Wait(_reports, 0));
        }

        Assert.Equal(0, _epoll.Wait(_reports, 0));
    }

    [Fact]
    public void Add_Twice_NamesTheFile()
    {
        _epoll.Add(_event.Descriptor, EpollEvents.In, 1);

        var error = Assert.Throws<LinuxException>(() => _epoll.Add(_event.Descriptor, EpollEvents.In, 1));

        Assert.Equal("epoll_ctl anon_inode:[eventfd]: EEXIST, file exists", error.Message);
    }

    [Fact]
    public void Remove_AndModify_OfWhatIsNotThere_SayWhich()
    {
        Assert.StartsWith("epoll_ctl anon_inode:[eventfd]: ENOENT", Assert.Throws<LinuxException>(() => _epoll.Remove(_event.Descriptor)).Message);
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => _epoll.Modify(_event.Descriptor, EpollEvents.In, 1)).Errno);
    }

    [Fact]
    public void Remove_EndsTheReports()
    {
        _epoll.Add(_event.Descriptor, EpollEvents.In, 1);
        _event.Signal();
        _epoll.Remove(_event.Descriptor);

        Assert.Equal(0, _epoll.Wait(_reports, 0));
    }
}
