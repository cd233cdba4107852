namespace Crisp.Kvm.Devices.Serial;

/// <summary>A serial port as PC16550D describes it (National Semiconductor, 1995), with a wire that is always ready.</summary>
/// <remarks>What is sent is handed over byte by byte; speed, parity and stop bits are kept for the guest and mean nothing.</remarks>
internal sealed partial class Serial16550 : IBusDevice
{
    /// <summary>COM1.</summary>
    internal const ushort Port = 0x3F8;
    internal const int Ports = 8;
    internal const uint Interrupt = 4;

    private readonly Lock _lock = new();
    private readonly IInterruptLine _interrupt;
    private readonly ISerialLine _line;
    private readonly Queue<byte> _received = new();

    // DLAB clear: 0 RBR/THR, 1 IER, 2 IIR/FCR, 3 LCR, 4 MCR, 5 LSR, 6 MSR, 7 SCR. DLAB set: 0 DLL, 1 DLM.
    private byte _interruptEnable;
    private byte _fifoControl;
    private byte _lineControl = 3;
    private byte _modemControl = 8;
    private byte _scratch;
    private ushort _divisor = 12;
    private bool _transmitterEmptyPending;
    private bool _overrun;

    internal Serial16550(IInterruptLine interrupt, ISerialLine line)
    {
        _interrupt = interrupt;
        _line = line;
    }

    private bool IsDivisorLatch => (_lineControl & LineControl.DivisorLatch) != 0;

    private bool IsLoopback => (_modemControl & ModemControl.Loopback) != 0;

    private bool HasFifo => (_fifoControl & FifoControl.Enable) != 0;

    /// <summary>Bytes that arrive on the wire.</summary>
    /// <returns>How many were taken; the rest must be offered again when <see cref="ISerialLine.Ready"/> is called.</returns>
    internal int Receive(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (IsLoopback)
            {
                return 0;
            }

            var taken = Math.Min(bytes.Length, FifoSize - _received.Count);
            foreach (var value in bytes[..taken])
            {
                _received.Enqueue(value);
            }

            if (taken > 0)
            {
                RaiseIf(InterruptEnable.DataAvailable);
            }

            return taken;
        }
    }

    public void Read(ulong offset, Span<byte> data)
    {
        bool hasRoom;
        lock (_lock)
        {
            data[0] = ReadRegister(offset, out hasRoom);
        }

        if (hasRoom)
        {
            _line.Ready();
        }
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        byte? sent;
        bool hasRoom;
        lock (_lock)
        {
            sent = WriteRegister(offset, data[0], out hasRoom);
        }

        // Outside of the lock: whoever takes the bytes may be slow, and the guest must be able to read meanwhile.
        if (sent is { } value)
        {
            _line.Send([value]);
        }

        if (hasRoom)
        {
            _line.Ready();
        }
    }

    private byte ReadRegister(ulong offset, out bool hasRoom)
    {
        hasRoom = false;
        switch (offset)
        {
            case 0 when IsDivisorLatch:
                return (byte)_divisor;
            case 0:
                hasRoom = _received.TryDequeue(out var value) && _received.Count == 0 && !IsLoopback;
                return value;
            case 1 when IsDivisorLatch:
                return (byte)(_divisor >> 8);
            case 1:
                return _interruptEnable;
            case 2:
                return ReadInterruptIdentification();
            case 3:
                return _lineControl;
            case 4:
                return _modemControl;
            case 5:
                return ReadLineStatus();
            case 6:
                return ReadModemStatus();
            default:
                return _scratch;
        }
    }

    private byte? WriteRegister(ulong offset, byte value, out bool hasRoom)
    {
        hasRoom = false;
        switch (offset)
        {
            case 0 when IsDivisorLatch:
                _divisor = (ushort)((_divisor & 0xFF00) | value);
                break;
            case 0:
                return Transmit(value);
            case 1 when IsDivisorLatch:
                _divisor = (ushort)((_divisor & 0xFF) | value << 8);
                break;
            case 1:
                WriteInterruptEnable(value);
                break;
            case 2:
                hasRoom = WriteFifoControl(value);
                break;
            case 3:
                _lineControl = value;
                break;
            case 4:
                hasRoom = IsLoopback && (value & ModemControl.Loopback) == 0;
                _modemControl = (byte)(value & 0x1F);
                break;
            case 7:
                _scratch = value;
                break;
        }

        return null;
    }
}

/// <summary>What a serial port is connected to.</summary>
internal interface ISerialLine
{
    /// <summary>The guest has sent these. May wait.</summary>
    public void Send(ReadOnlySpan<byte> bytes);

    /// <summary>The guest has read all that had arrived: there is room for more.</summary>
    public void Ready();
}
