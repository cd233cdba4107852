using Xunit;

namespace Crisp.Linux.Tests;

public sealed class RandomBytesTests
{
    [Fact]
    public void AllOfTheBuffer_IsFilled()
    {
        var bytes = new byte[1 << 20];
        RandomBytes.Fill(bytes);
        RandomBytes.Fill([]);

        // Each of the 256 values 4096 times, give or take far more than chance does.
        Assert.All(bytes.CountBy(b => b), c => Assert.InRange(c.Value, 3500, 4700));
        Assert.Equal(256, bytes.Distinct().Count());
    }
}
