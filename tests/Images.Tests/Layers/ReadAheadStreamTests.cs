using Crisp.Images.Layers;
using Xunit;

namespace Crisp.Images.Tests.Layers;

public sealed class ReadAheadStreamTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(131_072)]
    [InlineData(3_000_001)]
    public void EveryByte_ComesInOrder(int length)
    {
        var bytes = new byte[length];
        Random.Shared.NextBytes(bytes);
        using var stop = new CancellationTokenSource();
        using var ahead = new ReadAheadStream(new Slow(bytes, 70_000), stop);
        using var read = new MemoryStream();

        ahead.CopyTo(read, 5_000);

        Assert.Equal(bytes, read.ToArray());
        Assert.Equal(0, ahead.Read(new byte[1]));
        Assert.False(stop.IsCancellationRequested);
    }

    [Fact]
    public void Finish_ReadsToTheEnd()
    {
        var inner = new Slow(new byte[2_000_000], 1_000);
        using var stop = new CancellationTokenSource();
        using var ahead = new ReadAheadStream(inner, stop);
        ahead.ReadExactly(new byte[10]);

        ahead.Finish();

        Assert.Equal(inner.Length, inner.Position);
        Assert.False(stop.IsCancellationRequested);
    }

    [Fact]
    public void Failure_ComesAfterWhatWasReadBefore()
    {
        using var stop = new CancellationTokenSource();
        using var ahead = new ReadAheadStream(new Slow(new byte[200_000], 50_000) { Failure = new InvalidDataException("torn") }, stop);

        ahead.ReadExactly(new byte[200_000]);

        Assert.Equal("torn", Assert.Throws<InvalidDataException>(() => ahead.Read(new byte[1])).Message);
        Assert.Equal("torn", Assert.Throws<InvalidDataException>(ahead.Finish).Message);
    }

    [Fact]
    public void ReaderThatHasEnough_StopsAStreamThatWaits()
    {
        using var stop = new CancellationTokenSource();
        var inner = new Slow(new byte[100_000], 50_000) { Stop = stop.Token };
        using (var ahead = new ReadAheadStream(inner, stop))
        {
            ahead.ReadExactly(new byte[70_000]);
        }

        Assert.True(inner.HasStopped);
    }

    [Fact]
    public void ReaderThatHasEnough_StopsAStreamThatNeverEnds()
    {
        using var stop = new CancellationTokenSource();
        using var zeros = File.OpenRead("/dev/zero");
        using (var ahead = new ReadAheadStream(zeros, stop))
        {
            ahead.ReadExactly(new byte[70_000]);
        }

        Assert.True(stop.IsCancellationRequested);
    }

    /// <summary>Gives a part at a time, and at its end fails or waits for ever where asked to.</summary>
    private sealed class Slow(byte[] bytes, int part) : MemoryStream(bytes)
    {
        internal Exception? Failure { get; init; }

        internal CancellationToken Stop { get; init; }

        internal bool HasStopped { get; private set; }

        public override int Read(Span<byte> buffer)
        {
            if (Position == Length && Failure is not null)
            {
                throw Failure;
            }

            if (Position == Length && Stop.CanBeCanceled)
            {
                HasStopped = Stop.WaitHandle.WaitOne();
                Stop.ThrowIfCancellationRequested();
            }

            return base.Read(buffer[..Math.Min(part, buffer.Length)]);
        }
    }
}
