using Crisp.Kvm.Devices;
using Xunit;

namespace Crisp.Kvm.Tests.Devices;

public sealed class BusTests
{
    [Fact]
    public void Accesses_ReachTheDeviceWithAnOffset()
    {
        var (bus, device) = Create();
        var data = new byte[4];

        bus.Read(0x108, data);
        bus.Write(0x10C, [5, 0, 0, 0]);

        Assert.Equal([8, 0, 0, 0], data);
        Assert.Equal((0xCUL, 5), device.Written);
    }

    [Theory]
    [InlineData(0xFFUL)]
    [InlineData(0x10DUL)]
    [InlineData(0x110UL)]
    [InlineData(ulong.MaxValue)]
    public void Accesses_ThatAreNotWhollyADevices_AreNobodys(ulong address)
    {
        var (bus, device) = Create();
        var data = new byte[4];

        bus.Read(address, data);
        bus.Write(address, data);

        Assert.Equal([255, 255, 255, 255], data);
        Assert.Null(device.Written);
    }

    [Fact]
    public void TwoDevices_CannotShareAnAddress()
        => Assert.Equal("At 0x10f lies Recorder already. (Parameter 'address')", Assert.Throws<ArgumentException>(() => Create().Bus.Add(0x10F, 4, new Recorder())).Message);

    private static (Bus Bus, Recorder Device) Create()
    {
        var device = new Recorder();
        var bus = new Bus();
        bus.Add(0x100, 0x10, device);
        return (bus, device);
    }

    private sealed class Recorder : IBusDevice
    {
        public (ulong Offset, int Value)? Written { get; private set; }

        public void Read(ulong offset, Span<byte> data)
        {
            data.Clear();
            data[0] = (byte)offset;
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data) => Written = (offset, data[0]);
    }
}
