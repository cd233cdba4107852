using Crisp.Kvm.Devices.Virtio.Rng;
using Crisp.Kvm.Tests.Driver;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio.Mmio;

public sealed class VirtioMmioTests : IDisposable
{
    private readonly VirtioDriver _driver = new(new VirtioRng());

    [Fact]
    public void Device_IsRecognised()
    {
        Assert.Equal((0x7472_6976U, 2U, 4U), (_driver.Read(0), _driver.Read(4), _driver.Read(8)));
        Assert.Equal(VirtioDriver.Version1, _driver.Features());
        Assert.Equal(uint.MaxValue, _driver.Read(0xB0));
        Assert.Equal([0, 0], _driver.ReadBytes(0, 2));
        Assert.Equal(0U, _driver.Read(0x1F0));
    }

    [Theory]
    [InlineData(0UL)] // without version 1
    [InlineData(1UL << 32 | 1)] // with features that were not offered
    [InlineData(1UL << 33 | 1UL << 32)]
    public void Features_ThatWereNotOffered_AreRefused(ulong features)
    {
        _driver.Write(0x70, 3);
        _driver.Write(0x24, 0);
        _driver.Write(0x20, (uint)features);
        _driver.Write(0x24, 1);
        _driver.Write(0x20, (uint)(features >> 32));

        _driver.Write(0x70, 11);
        Assert.Equal(3U, _driver.Status);
        _driver.Write(0x70, 7);
        Assert.Equal(3U, _driver.Status);
    }

    [Fact]
    public void Queues_AreFrozenAtDriverOk()
    {
        // CVE-2026-5747: a size written after the activation moved the bounds.
        var queue = _driver.Start(0, 8)[0];
        _driver.Write(0x30, 0);
        _driver.WriteQueue(0x8000, 0xFFFF_F000, 0xFFFF_F000, 0xFFFF_F000);
        _driver.Write(0x44, 0);
        var buffer = _driver.Allocate(16);

        for (var round = 0; round < 20; round++)
        {
            Assert.Equal(16U, queue.Send(new Part(buffer, 16, IsWritable: true)));
        }

        Assert.Equal(20, queue.UsedIndex);
        Assert.Equal(15U, _driver.Status);
    }

    [Theory]
    [InlineData(0U, 0x1000UL, 0x2000UL, 0x3000UL, "A queue of 0 descriptors is none of 1, 2, 4, … 64.")]
    [InlineData(3U, 0x1000UL, 0x2000UL, 0x3000UL, "A queue of 3 descriptors is none of 1, 2, 4, … 64.")]
    [InlineData(128U, 0x1000UL, 0x2000UL, 0x3000UL, "A queue of 128 descriptors is none of 1, 2, 4, … 64.")]
    [InlineData(0x1_0040U, 0x1000UL, 0x2000UL, 0x3000UL, "A queue of 65535 descriptors is none of 1, 2, 4, … 64.")]
    [InlineData(64U, 0x1008UL, 0x2000UL, 0x3000UL, "A queue's descriptor table of 1024 bytes cannot lie at 0x1008.")]
    [InlineData(64U, 0x1000UL, 0x2001UL, 0x3000UL, "A queue's driver's area of 134 bytes cannot lie at 0x2001.")]
    [InlineData(64U, 0x1000UL, 0x2000UL, 0x3002UL, "A queue's device's area of 518 bytes cannot lie at 0x3002.")]
    [InlineData(64U, 0x7F_FFF0UL, 0x2000UL, 0x3000UL, "A queue's descriptor table of 1024 bytes cannot lie at 0x7ffff0.")]
    [InlineData(64U, 0x1000UL, 0xFFFF_FFFF_FFFF_FFFEUL, 0x3000UL, "A queue's driver's area of 134 bytes cannot lie at 0xfffffffffffffffe.")]
    [InlineData(64U, 0x1000UL, 0x2000UL, 0x8000_0000_0000_0000UL, "A queue's device's area of 518 bytes cannot lie at 0x8000000000000000.")]
    public void QueueThatCannotBe_NeedsAReset(uint size, ulong descriptors, ulong available, ulong used, string sentence)
    {
        _driver.Negotiate(0);
        _driver.Write(0x30, 0);
        _driver.WriteQueue(size, descriptors, available, used);
        _driver.Write(0x70, 15);

        _driver.AssertComplains(sentence);
        _driver.Write(0x50, 0);
        _driver.Write(0x50, 4711);

        Works();
    }

    [Fact]
    public void QueueThatIsNotThere_HasNoRegisters()
    {
        _driver.Negotiate(0);
        _driver.Write(0x30, 1);
        Assert.Equal(0U, _driver.Read(0x34));
        _driver.WriteQueue(8, 0x1000, 0x2000, 0x3000);
        Assert.Equal(0U, _driver.Read(0x44));
        _driver.Write(0x30, uint.MaxValue);
        Assert.Equal(0U, _driver.Read(0x34));
    }

    [Fact]
    public void DriverWithoutQueues_IsLeftAlone()
    {
        _driver.Start(0);
        _driver.Write(0x50, 0);

        Works();
    }

    [Fact]
    public void Interrupts_ComeOncePerNews_AndCanBeUnwanted()
    {
        var queue = _driver.Start(0, 8)[0];
        var buffer = new Part(_driver.Allocate(16), 16, IsWritable: true);
        queue.Send(buffer);
        _driver.WaitFor(() => _driver.Interrupts == 1);
        Assert.Equal(1U, _driver.Read(0x60));
        _driver.Write(0x64, 1);
        Assert.Equal(0U, _driver.Read(0x60));

        queue.WantsInterrupts = false;
        queue.Send(buffer);
        queue.Add(buffer);
        queue.WantsInterrupts = true;
        queue.Notify();
        queue.WaitUsed();
        _driver.WaitFor(() => _driver.Interrupts == 2);
    }

    [Fact]
    public void Reset_ForgetsEverything()
    {
        _driver.Start(0, 8);
        _driver.Write(0x70, 0);

        Assert.Equal(0U, _driver.Status);
        _driver.Write(0x30, 0);
        Assert.Equal(0U, _driver.Read(0x44));
        Works();
    }

    public void Dispose() => _driver.Dispose();

    private void Works()
    {
        var queue = _driver.Start(0, 4)[0];
        Assert.Equal(4U, queue.Send(new Part(_driver.Allocate(4), 4, IsWritable: true)));
    }
}
