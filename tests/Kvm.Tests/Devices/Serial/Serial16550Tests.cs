using System.Text;
using Crisp.Kvm.Devices;
using Crisp.Kvm.Devices.Serial;
using CsCheck;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Serial;

public sealed class Serial16550Tests
{
    private const int Data = 0, InterruptEnable = 1, Identification = 2, FifoControl = 2, LineControl = 3, ModemControl = 4, LineStatus = 5, ModemStatus = 6;
    private readonly Wire _wire = new();
    private readonly Serial16550 _serial;

    public Serial16550Tests() => _serial = new Serial16550(_wire, _wire);

    [Fact]
    public void Sent_IsOnTheWire_AndTheTransmitterIsAlwaysEmpty()
    {
        Write(Data, 'h');
        Write(Data, 'i');

        Assert.Equal("hi", _wire.Sent);
        Assert.Equal(0x60, Read(LineStatus));
        Assert.Equal(0, _wire.Interrupts);
    }

    [Fact]
    public void Received_IsReadInOrder_AsFarAsThereIsRoom()
    {
        Assert.Equal(16, _serial.Receive("0123456789abcdefg"u8));
        Assert.Equal(0, _serial.Receive("g"u8));

        Assert.Equal(0x61, Read(LineStatus));
        Assert.Equal("0123456789abcdef", string.Concat(Enumerable.Range(0, 16).Select(_ => (char)Read(Data))));
        Assert.Equal(0x60, Read(LineStatus));
        Assert.Equal(0, Read(Data));
        Assert.Equal(1, _wire.Readies);
    }

    [Fact]
    public void Interrupts_AreIdentifiedByPriority()
    {
        Assert.Equal(1, Read(Identification));
        Write(InterruptEnable, 2);
        Assert.Equal(1, _wire.Interrupts);
        Write(InterruptEnable, 3);
        _serial.Receive("x"u8);
        Assert.Equal(2, _wire.Interrupts);

        Assert.Equal(4, Read(Identification));
        Read(Data);
        Assert.Equal(2, Read(Identification));
        Assert.Equal(1, Read(Identification));
        Write(Data, 'a');
        Assert.Equal(3, _wire.Interrupts);
        Write(FifoControl, 1);
        Assert.Equal(0xC2, Read(Identification));
    }

    [Fact]
    public void EnablingTheReceiversInterrupt_TellsOfWhatIsThere()
    {
        _serial.Receive("x"u8);
        Assert.Equal(0, _wire.Interrupts);

        Write(InterruptEnable, 1);

        Assert.Equal(1, _wire.Interrupts);
        Write(FifoControl, 3);
        Assert.Equal(0x60, Read(LineStatus));
    }

    [Fact]
    public void DivisorLatch_HidesDataAndInterruptEnable()
    {
        Write(LineControl, 0x83);
        Write(Data, 1);
        Write(InterruptEnable, 2);
        Assert.Equal((1, 2), (Read(Data), Read(InterruptEnable)));
        Write(LineControl, 3);

        Assert.Equal(0, Read(InterruptEnable));
        Assert.Equal("", _wire.Sent);
        Assert.Equal(3, Read(LineControl));
    }

    [Fact]
    public void Loopback_KeepsTheWireOut_AsDriversTestIt()
    {
        Assert.Equal(0xB0, Read(ModemStatus));
        Write(ModemControl, 0x1A);
        Assert.Equal(0x90, Read(ModemStatus));
        Write(Data, 'l');
        Assert.Equal(0, _serial.Receive("x"u8));

        Assert.Equal((byte)'l', Read(Data));
        Assert.Equal("", _wire.Sent);
        for (var sent = 0; sent < 17; sent++)
        {
            Write(Data, 'o');
        }

        Assert.Equal(0x63, Read(LineStatus));
        Assert.Equal(0x61, Read(LineStatus));
        Write(ModemControl, 8);
        Assert.Equal(1, _wire.Readies);
    }

    [Fact]
    public void AnyAccess_IsHarmless_AndInputIsBounded()
        => Gen.Select(Gen.Bool, Gen.Int[0, 7], Gen.Byte).Array[0, 200].Sample(accesses =>
        {
            var wire = new Wire();
            var serial = new Serial16550(wire, wire);
            foreach (var (isWrite, register, value) in accesses)
            {
                Span<byte> data = [value];
                if (isWrite)
                {
                    serial.Write((ulong)register, data);
                }
                else
                {
                    serial.Read((ulong)register, data);
                }
            }

            Assert.InRange(serial.Receive(new byte[100]), 0, Serial16550.FifoSize);
        });

    private byte Read(int register)
    {
        Span<byte> data = [0xFF];
        _serial.Read((ulong)register, data);
        return data[0];
    }

    private void Write(int register, int value) => _serial.Write((ulong)register, [(byte)value]);

    private sealed class Wire : IInterruptLine, ISerialLine
    {
        private readonly StringBuilder _sent = new();

        public string Sent => _sent.ToString();

        public int Interrupts { get; private set; }

        public int Readies { get; private set; }

        public void Raise() => Interrupts++;

        public void Send(ReadOnlySpan<byte> bytes) => _sent.Append(Encoding.Latin1.GetString(bytes));

        public void Ready() => Readies++;
    }
}
