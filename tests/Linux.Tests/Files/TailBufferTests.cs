using Xunit;

namespace Crisp.Linux.Tests;

public sealed class TailBufferTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(false, 0)]
    [InlineData(false, 3)]
    [InlineData(false, 3, 5)]
    [InlineData(true, 3, 6)]
    [InlineData(true, 9)]
    [InlineData(true, 5, 20, 2)]
    [InlineData(true, 1, 1, 1, 1, 1, 1, 1, 1, 1)]
    public void Tail_IsTheLastBytes_HoweverTheyCome(bool isCut, params int[] pieces)
    {
        const int Capacity = 8;
        var buffer = new TailBuffer(Capacity);
        var all = Enumerable.Range(0, pieces.Sum()).Select(n => (byte)n).ToArray();
        var rest = all.AsSpan();
        foreach (var piece in pieces)
        {
            buffer.Add(rest[..piece]);
            rest = rest[piece..];
        }

        Assert.Equal(all.TakeLast(Capacity), buffer.ToArray());
        Assert.Equal(isCut, buffer.IsCut);
    }
}
