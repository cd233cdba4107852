using Crisp.Linux.Tests.Plans;
using Xunit;

namespace Crisp.Linux.Tests.Signals;

public sealed class SignalTests
{
    [Fact]
    public void SignalsBlock_StartsTheProgramWithJustTheseBlocked()
    {
        var (output, _) = PlanRunner.Run(b =>
        {
            b.SignalsDefault();
            b.SignalsBlock(Linux.Signals.Hangup, Linux.Signals.Terminate, Linux.Signals.Child);
            b.Execve("/bin/grep", ["grep", "SigBlk", "/proc/self/status"], PlanRunner.Environment);
        });

        Assert.Equal("SigBlk:\t0000000000014001\n", output);
    }

    [Fact]
    public void BytesReadable_CountsWhatThePipeHolds()
    {
        var (read, write) = Pipes.Create();
        using (read)
        using (write)
        {
            Assert.Equal(0, Files.BytesReadable(read));
            Files.WriteAll(write, new byte[1234]);
            Assert.Equal(1234, Files.BytesReadable(read));
        }
    }
}
