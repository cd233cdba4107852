using Crisp.Kvm.Devices.Virtio.Rng;
using Crisp.Kvm.Tests.Driver;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio.Rng;

public sealed class VirtioRngTests : IDisposable
{
    private readonly VirtioDriver _driver = new(new VirtioRng());

    [Fact]
    public void Bytes_AreRandom_AndNoneIsWrittenBehindTheBuffer()
    {
        var queue = _driver.Start(0, 8)[0];
        var buffer = _driver.Allocate(256);

        Assert.Equal(240U, queue.Send(new Part(buffer, 40, IsWritable: true), new Part(buffer + 40, 200, IsWritable: true)));

        var bytes = _driver.Memory.Slice(buffer, 256).ToArray();
        Assert.All(bytes[240..], b => Assert.Equal(0, b));
        // 240 random bytes of less than 64 kinds are less likely than any failure of the machine.
        Assert.InRange(bytes[..240].Distinct().Count(), 64, 240);
    }

    [Fact]
    public void OverlappingDescriptors_CostNoMoreThanOneRequest()
    {
        var queue = _driver.Start(0, 64)[0];
        var megabyte = new Part(0x10_0000, 1 << 20, IsWritable: true);

        Assert.Equal(64U * 1024, queue.Send([.. Enumerable.Repeat(megabyte, 64)]));
    }

    [Fact]
    public void BufferToRead_ComesBackEmpty() => Assert.Equal(0U, _driver.Start(0, 8)[0].Send(new Part(_driver.Allocate(16), 16, IsWritable: false)));

    public void Dispose() => _driver.Dispose();
}
