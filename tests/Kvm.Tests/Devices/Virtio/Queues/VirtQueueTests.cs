using Crisp.Kvm.Devices.Virtio.Rng;
using Crisp.Kvm.Tests.Driver;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio.Queues;

/// <summary>Drivers that keep to the rules, and drivers that do not, against the simplest device.</summary>
public sealed class VirtQueueTests : IDisposable
{
    private const int Size = 8;
    private readonly VirtioDriver _driver = new(new VirtioRng());
    private readonly DriverQueue _queue;
    private readonly ulong _buffer;

    public VirtQueueTests()
    {
        _queue = _driver.Start(0, Size)[0];
        _buffer = _driver.Allocate(4096);
    }

    [Fact]
    public void Indices_GoAroundTheirSixteenBits()
    {
        for (var round = 0; round < 70_000; round++)
        {
            _queue.Add(new Part(_buffer, 1, IsWritable: true));
            if (round % Size == Size - 1)
            {
                _queue.Notify();
                _driver.WaitFor(() => _queue.UsedIndex == _queue.AvailableIndex);
            }
        }

        Assert.Equal(70_000 & 0xFFFF, _queue.UsedIndex);
    }

    [Fact]
    public void FullQueue_IsEmptiedWhole()
    {
        for (var i = 0; i < Size; i++)
        {
            _queue.Add(new Part(_buffer, 1, IsWritable: true));
        }

        _queue.Notify();

        Assert.Equal(Enumerable.Range(0, Size).Select(i => (uint)i), Enumerable.Range(0, Size).Select(_ => _queue.WaitUsed().Id));
    }

    [Fact]
    public void RingOfDescriptors_IsNoChain()
    {
        for (ushort i = 0; i < Size; i++)
        {
            _queue.WriteDescriptor(i, _buffer, 1, DriverQueue.Next | DriverQueue.Writable, (ushort)((i + 1) % Size));
        }

        Complains(0, "A chain has more descriptors than its queue, 8: it is a ring.");
    }

    [Fact]
    public void DescriptorOfItself_IsNoChain()
    {
        _queue.WriteDescriptor(3, _buffer, 0, DriverQueue.Next, 3);
        Complains(3, "A chain has more descriptors than its queue, 8: it is a ring.");
    }

    [Fact]
    public void HeadOutsideOfTheQueue_IsRefused() => Complains(Size, "The descriptor 8 is not in a queue of 8.");

    [Fact]
    public void NextOutsideOfTheQueue_IsRefused()
    {
        _queue.WriteDescriptor(0, _buffer, 1, DriverQueue.Next, 0xFFFF);
        Complains(0, "The descriptor 65535 is not in a queue of 8.");
    }

    [Fact]
    public void IndirectDescriptor_IsRefused()
    {
        _queue.WriteDescriptor(0, _buffer, 16, DriverQueue.Indirect, 0);
        Complains(0, "A descriptor is indirect, which this device does not offer.");
    }

    [Theory]
    [InlineData(0x80_0000UL, 1U)]
    [InlineData(0x7F_FFFFUL, 2U)]
    [InlineData(0UL, uint.MaxValue)]
    [InlineData(ulong.MaxValue, 2U)]
    [InlineData(0xFFFF_FFFF_FFFF_0000UL, 0x1_0001U)]
    public void BufferThatIsNoMemory_IsRefused(ulong address, uint length)
    {
        _queue.WriteDescriptor(0, address, length, DriverQueue.Writable, 0);
        Complains(0, $"A descriptor has {length} bytes at 0x{address:x}, where they are not all memory.");
    }

    [Fact]
    public void PartToReadBehindOneToWrite_IsRefused()
    {
        _queue.WriteDescriptor(0, _buffer, 1, DriverQueue.Next | DriverQueue.Writable, 1);
        _queue.WriteDescriptor(1, _buffer, 1, 0, 0);
        Complains(0, "A part to read comes after one to write.");
    }

    [Fact]
    public void IndexThatRunsAway_IsRefused()
    {
        _queue.AvailableIndex = 9;
        _queue.Notify();
        _driver.AssertComplains("9 chains are available in a queue of 8 descriptors.");
    }

    [Fact]
    public void AfterAComplaint_NothingIsTouchedUntilTheReset()
    {
        Complains(Size, "The descriptor 8 is not in a queue of 8.");
        var used = _queue.UsedIndex;
        _queue.Add(new Part(_buffer, 1, IsWritable: true));
        _queue.Notify();
        Thread.Sleep(50);
        Assert.Equal(used, _queue.UsedIndex);

        var queue = _driver.Start(0, Size)[0];
        Assert.Equal(1U, queue.Send(new Part(_buffer, 1, IsWritable: true)));
        Assert.Null(_driver.Complaint);
    }

    public void Dispose() => _driver.Dispose();

    private void Complains(ushort head, string sentence)
    {
        _queue.MakeAvailable(head);
        _queue.Notify();
        _driver.AssertComplains(sentence);
    }
}
