using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Tests.Pods;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

public sealed class ScopeHolderTests
{
    private static readonly CgroupFacts _cgroups = CgroupManager.Detect().Facts;

    [Fact]
    public void Holder_LivesUntilItIsKilled()
    {
        TestPod.Require();
        var placed = 0;
        using var holder = ScopeHolder.Launch(_cgroups, pid => placed = pid);
        Assert.Equal("crisp-holder\n", File.ReadAllText($"/proc/{placed}/comm"));
        Assert.False(Poll.WaitReadable(holder, TimeSpan.FromMilliseconds(200)));
        Linux.Processes.PidfdSendSignal(holder, Signals.Kill);
        Assert.Equal(Signals.Kill, Linux.Processes.WaitPidfd(holder).Signal);
    }

    [Fact]
    public void Holder_ThatCannotBePlaced_IsEndedAndReaped()
    {
        TestPod.Require();
        var placed = 0;
        Assert.Throws<InvalidOperationException>(() => ScopeHolder.Launch(_cgroups, pid =>
        {
            placed = pid;
            throw new InvalidOperationException("Not here.");
        }));
        Assert.NotEqual(0, placed);
        Assert.False(Directory.Exists($"/proc/{placed}"));
    }
}
