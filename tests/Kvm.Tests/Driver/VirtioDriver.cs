using System.Buffers.Binary;
using Crisp.Kvm.Devices;
using Crisp.Kvm.Devices.Virtio;
using Crisp.Kvm.Devices.Virtio.Mmio;
using Crisp.Kvm.Memory;
using Crisp.Linux;
using Xunit;

namespace Crisp.Kvm.Tests.Driver;

/// <summary>
/// A guest's side of a virtio device over MMIO, written from virtio 1.2 (chapters 2, 3 and 4.2). It shares no code with the devices:
/// registers and bits are said here once more.
/// </summary>
internal sealed class VirtioDriver : IDisposable, IInterruptLine
{
    internal const uint Acknowledge = 1, Driver = 2, DriverOk = 4, FeaturesOk = 8, NeedsReset = 0x40;
    internal const ulong Version1 = 1UL << 32;
    private const uint FirstFreeAddress = 0x1000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly VirtioMmio _transport;
    private readonly List<EventFd> _notices;
    private ulong _free = FirstFreeAddress;
    private int _interrupts;

    internal VirtioDriver(IVirtioDevice device, GuestMemory? memory = null)
    {
        Memory = memory ?? GuestMemory.Create(8 << 20);
        _notices = [.. device.QueueSizes.Select(_ => new EventFd())];
        var loop = new DeviceLoop("test device", e => Failure = e);
        _transport = new VirtioMmio(device, Memory, this, loop, _notices);
    }

    internal GuestMemory Memory { get; }

    /// <summary>What the device's thread did not foresee; a test never expects it.</summary>
    internal Exception? Failure { get; private set; }

    internal int Interrupts => Volatile.Read(ref _interrupts);

    internal string? Complaint => _transport.Complaint;

    internal uint Status => Read(0x70);

    /// <summary>Register of 4 bytes.</summary>
    internal uint Read(ulong offset)
    {
        Span<byte> data = [0xAA, 0xAA, 0xAA, 0xAA];
        _transport.Read(offset, data);
        return BinaryPrimitives.ReadUInt32LittleEndian(data);
    }

    internal byte[] ReadBytes(ulong offset, int length)
    {
        var data = new byte[length];
        _transport.Read(offset, data);
        return data;
    }

    internal void Write(ulong offset, uint value)
    {
        Span<byte> data = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        _transport.Write(offset, data);
    }

    internal void WriteBytes(ulong offset, byte[] data) => _transport.Write(offset, data);

    internal ulong Features()
    {
        Write(0x14, 0);
        ulong low = Read(0x10);
        Write(0x14, 1);
        return (ulong)Read(0x10) << 32 | low;
    }

    /// <summary>3.1.1: from reset to DRIVER_OK.</summary>
    /// <param name="sizes">Of the queues that it uses; 0 leaves one out.</param>
    internal IReadOnlyList<DriverQueue> Start(ulong features, params int[] sizes)
    {
        Negotiate(features);
        var queues = sizes.Select((size, index) => size == 0 ? null! : SetUp(index, size)).ToList();
        Write(0x70, Acknowledge | Driver | FeaturesOk | DriverOk);
        return queues;
    }

    internal void Negotiate(ulong features)
    {
        Write(0x70, 0);
        Assert.Equal(0U, Status);
        Write(0x70, Acknowledge);
        Write(0x70, Acknowledge | Driver);
        Write(0x24, 0);
        Write(0x20, (uint)features);
        Write(0x24, 1);
        Write(0x20, (uint)((features | Version1) >> 32));
        Write(0x70, Acknowledge | Driver | FeaturesOk);
        Assert.Equal(Acknowledge | Driver | FeaturesOk, Status);
    }

    /// <summary>4.2.3.2: gives the device a queue.</summary>
    internal DriverQueue SetUp(int index, int size)
    {
        Write(0x30, (uint)index);
        Assert.Equal(0U, Read(0x44));
        Assert.InRange((uint)size, 1U, Read(0x34));
        var queue = new DriverQueue(this, index, size, Allocate(16 * size, 16), Allocate(6 + 2 * size, 2), Allocate(6 + 8 * size, 4));
        WriteQueue((uint)size, queue.Descriptors, queue.Available, queue.Used);
        return queue;
    }

    /// <summary>The registers of the selected queue.</summary>
    internal void WriteQueue(uint size, ulong descriptors, ulong available, ulong used)
    {
        Write(0x38, size);
        foreach (var (register, address) in new[] { (0x80UL, descriptors), (0x90UL, available), (0xA0UL, used) })
        {
            Write(register, (uint)address);
            Write(register + 4, (uint)(address >> 32));
        }

        Write(0x44, 1);
    }

    internal ulong Allocate(int length, int alignment = 8)
    {
        _free = (_free + (ulong)alignment - 1) / (ulong)alignment * (ulong)alignment;
        var address = _free;
        _free += (ulong)length;
        Assert.True(_free <= (ulong)Memory.Length, "The test's guest has no memory left.");
        return address;
    }

    /// <summary>Everything that was allocated may be used anew. The device must be reset before it sees that.</summary>
    internal void FreeAll()
    {
        Write(0x70, 0);
        Memory.Slice(0, (int)_free).Clear();
        _free = FirstFreeAddress;
    }

    internal ulong Allocate(ReadOnlySpan<byte> content)
    {
        var address = Allocate(content.Length);
        content.CopyTo(Memory.Slice(address, content.Length));
        return address;
    }

    internal void WaitFor(Func<bool> condition)
        => Assert.True(SpinWait.SpinUntil(() => condition() || Failure is not null, s_patience) && Failure is null, Failure?.ToString() ?? Complaint ?? "Nothing came.");

    /// <summary>The device has asked to be reset.</summary>
    internal void AssertComplains(string sentence)
    {
        WaitFor(() => (Status & NeedsReset) != 0);
        Assert.Equal(sentence, Complaint);
        Assert.Equal(2U, Read(0x60) & 2);
    }

    void IInterruptLine.Raise() => Interlocked.Increment(ref _interrupts);

    public void Dispose()
    {
        _transport.Dispose();
        _notices.ForEach(n => n.Dispose());
        Memory.Dispose();
    }
}
