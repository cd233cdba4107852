using System.Runtime.InteropServices;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class EventFdTests
{
    [Fact]
    public void Drain_AnswersHowOftenItWasSignalled()
    {
        using var counter = new EventFd();
        Assert.Equal(0UL, counter.Drain());
        counter.Signal();
        counter.Signal();
        counter.Signal();

        Assert.Equal(3UL, counter.Drain());
        Assert.Equal(0UL, counter.Drain());
    }

    [Fact]
    public void Signal_FullCounter_StaysReadable()
    {
        using var counter = new EventFd();
        var most = ulong.MaxValue - 1;
        Files.WriteAll(counter.Descriptor, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in most)));

        counter.Signal();

        Assert.Equal(most, counter.Drain());
    }

    [Fact]
    public void Signal_FromManyThreads_LosesNone()
    {
        using var counter = new EventFd();

        Parallel.For(0, 1000, _ => counter.Signal());

        Assert.Equal(1000UL, counter.Drain());
    }

    [Fact]
    public void WaitReadable_WakesForDataAndForTheEnd()
    {
        var (read, write) = Pipes.Create();
        using var reader = read;
        Assert.False(Poll.WaitReadable(reader, TimeSpan.Zero));
        Assert.False(Poll.WaitReadable(reader, TimeSpan.FromMilliseconds(-5)));
        Assert.False(Poll.WaitReadable(reader, TimeSpan.FromMilliseconds(20)));
        using (write)
        {
            Files.WriteAll(write, "x"u8);
            Assert.True(Poll.WaitReadable(reader, null));
            Files.Read(reader, new byte[1]);
        }

        Assert.True(Poll.WaitReadable(reader, TimeSpan.MaxValue));
        Assert.Equal(0, Files.Read(reader, new byte[1]));
    }
}
