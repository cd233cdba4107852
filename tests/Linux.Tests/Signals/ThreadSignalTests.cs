using Xunit;
using Numbers = Crisp.Linux.Signals;

namespace Crisp.Linux.Tests.Signals;

public sealed class ThreadSignalTests
{
    [Fact]
    public void BlockedSignal_WaitsForItsThreadUntilItIsTaken() => OwnThread.Run(() =>
    {
        var mask = ThreadSignals.Block(Numbers.Last);
        Assert.NotEqual(0UL, mask & 1UL << (Numbers.Last - 1));
        Assert.False(ThreadSignals.Take(Numbers.Last));

        ThreadSignals.Send(ThreadSignals.CurrentThread, Numbers.Last);

        Assert.True(ThreadSignals.Take(Numbers.Last));
        Assert.False(ThreadSignals.Take(Numbers.Last));
    });

    [Fact]
    public void SignalForNoThread_IsAnError()
        => Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => ThreadSignals.Send(0, Numbers.Last)).Errno);
}
