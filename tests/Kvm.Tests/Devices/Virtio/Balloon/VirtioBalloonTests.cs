using System.Runtime.InteropServices;
using Crisp.Kvm.Devices.Virtio.Balloon;
using Crisp.Kvm.Memory;
using Crisp.Kvm.Tests.Driver;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio.Balloon;

public sealed class VirtioBalloonTests : IDisposable
{
    private const ulong Reporting = 1 << 5;
    private const ulong Page = 4096;
    private readonly VirtioBalloon _balloon;
    private readonly VirtioDriver _driver;

    public VirtioBalloonTests()
    {
        var memory = GuestMemory.Create(8 << 20);
        _balloon = new VirtioBalloon(memory);
        _driver = new VirtioDriver(_balloon, memory);
    }

    [Fact]
    public void InflatedPages_AreGivenBack_AndNoOthers()
    {
        var queues = _driver.Start(0, 8, 8);
        _driver.Memory.Slice(0x40_0000, 0x1_0000).Fill(1);

        queues[0].Send(Numbers(0x400, 0x401, 0x402, 0x408));

        Assert.Equal(4 * 4096, _balloon.Discarded);
        Assert.Equal([0, 1, 2, 8], Enumerable.Range(0, 16).Where(p => _driver.Memory.Slice(0x40_0000 + (ulong)p * Page, 4096).IndexOfAnyExcept((byte)0) < 0));
        queues[1].Send(Numbers(0x400));
        _driver.Memory.Slice(0x40_0000, 1)[0] = 5;
    }

    [Theory]
    [InlineData(0x800U)]
    [InlineData(0xFFFF_FFFFU)]
    public void PageThatIsNoMemory_NeedsAReset(uint page)
    {
        var queues = _driver.Start(0, 8, 8);
        queues[0].Add(Numbers(page));
        queues[0].Notify();

        _driver.AssertComplains($"The guest has no memory of 4096 bytes at 0x{page * Page:x}.");
    }

    [Fact]
    public void MoreNumbersThanADriverSends_NeedAReset()
    {
        var queues = _driver.Start(0, 8, 8);
        queues[0].Add(new Part(0x10_0000, 1 << 20, IsWritable: false));
        queues[0].Notify();

        _driver.AssertComplains("A request to inflate the balloon has 1048576 bytes of page numbers; at most 4096 numbers of 4 are taken.");
    }

    [Fact]
    public void ReportedPages_AreGivenBackWhole()
    {
        var queues = _driver.Start(Reporting, 8, 8, 8);
        _driver.Memory.Slice(0x40_0000, 0x10_0000).Fill(1);

        queues[2].Send(new Part(0x40_0000, 0x1_0000, IsWritable: true), new Part(0x42_0800, 0x2000, IsWritable: true), new Part(0x44_0001, 100, IsWritable: true));

        Assert.Equal(0x1_1000, _balloon.Discarded);
        Assert.Equal(0x10_0000 - 0x1_1000, _driver.Memory.Slice(0x40_0000, 0x10_0000).ToArray().Count(b => b == 1));
    }

    [Fact]
    public void ReportsWithoutTheFeature_NeedAReset()
    {
        _driver.Start(0, 8, 8, 8);
        _driver.AssertComplains("The driver uses the queue of free pages without having accepted the feature.");
    }

    [Fact]
    public void Target_IsInTheConfiguration_AndTheDriverIsTold()
    {
        _driver.Start(0, 8, 8);
        var generation = _driver.Read(0xFC);

        _balloon.SetTarget(1 << 20);

        Assert.Equal(256U, _driver.Read(0x100));
        Assert.Equal(2U, _driver.Read(0x60));
        Assert.NotEqual(generation, _driver.Read(0xFC));
        _driver.Write(0x100, 7);
        _driver.Write(0x104, 16);
        Assert.Equal(256U, _driver.Read(0x100));
        Assert.Equal(16 * 4096, _balloon.Actual);
    }

    public void Dispose() => _driver.Dispose();

    private Part Numbers(params uint[] pages) => new(_driver.Allocate(MemoryMarshal.AsBytes<uint>(pages)), pages.Length * 4, IsWritable: false);
}
