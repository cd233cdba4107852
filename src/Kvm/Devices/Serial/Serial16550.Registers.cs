namespace Crisp.Kvm.Devices.Serial;

internal sealed partial class Serial16550
{
    /// <summary>Bytes that the receiver's FIFO holds.</summary>
    internal const int FifoSize = 16;

    private static class InterruptEnable
    {
        internal const byte DataAvailable = 1;
        internal const byte TransmitterEmpty = 2;
        internal const byte LineStatus = 4;
        internal const byte All = 0xF;
    }

    private static class FifoControl
    {
        internal const byte Enable = 1;
        internal const byte ClearReceiver = 2;
    }

    private static class LineControl
    {
        internal const byte DivisorLatch = 0x80;
    }

    private static class ModemControl
    {
        internal const byte Loopback = 0x10;
    }

    private static class Identification
    {
        internal const byte None = 1;
        internal const byte TransmitterEmpty = 2;
        internal const byte DataAvailable = 4;
        internal const byte LineStatus = 6;
        internal const byte FifosEnabled = 0xC0;
    }

    private static class LineStatus
    {
        internal const byte DataReady = 1;
        internal const byte Overrun = 2;

        /// <summary>The holding register and the shift register are empty: the wire is infinitely fast.</summary>
        internal const byte TransmitterEmpty = 0x60;
    }

    private static class ModemStatus
    {
        /// <summary>Clear to send, data set ready, carrier: the other end is there.</summary>
        internal const byte Connected = 0xB0;
    }

    private byte? Transmit(byte value)
    {
        var isLoop = IsLoopback;
        if (isLoop && _received.Count < FifoSize)
        {
            _received.Enqueue(value);
            RaiseIf(InterruptEnable.DataAvailable);
        }
        else if (isLoop)
        {
            _overrun = true;
            RaiseIf(InterruptEnable.LineStatus);
        }

        _transmitterEmptyPending = true;
        RaiseIf(InterruptEnable.TransmitterEmpty);
        return isLoop ? null : value;
    }

    private void WriteInterruptEnable(byte value)
    {
        var enabled = (byte)(value & InterruptEnable.All & ~_interruptEnable);
        _interruptEnable = (byte)(value & InterruptEnable.All);
        if ((enabled & InterruptEnable.TransmitterEmpty) != 0)
        {
            // The transmitter is always empty, and enabling its interrupt says so at once: drivers wait for it.
            _transmitterEmptyPending = true;
            RaiseIf(InterruptEnable.TransmitterEmpty);
        }

        if ((enabled & InterruptEnable.DataAvailable) != 0 && _received.Count > 0)
        {
            RaiseIf(InterruptEnable.DataAvailable);
        }
    }

    /// <returns>Whether there is room in the receiver that was not there before.</returns>
    private bool WriteFifoControl(byte value)
    {
        // Switching FIFOs on or off empties them, as the command to clear does.
        var isCleared = (value & FifoControl.ClearReceiver) != 0 || ((value ^ _fifoControl) & FifoControl.Enable) != 0;
        var hadBytes = _received.Count > 0;
        if (isCleared)
        {
            _received.Clear();
        }

        _fifoControl = (byte)(value & ~FifoControl.ClearReceiver);
        return isCleared && hadBytes && !IsLoopback;
    }

    private byte ReadInterruptIdentification()
    {
        var fifos = HasFifo ? Identification.FifosEnabled : (byte)0;
        if (_overrun && (_interruptEnable & InterruptEnable.LineStatus) != 0)
        {
            return (byte)(fifos | Identification.LineStatus);
        }

        if (_received.Count > 0 && (_interruptEnable & InterruptEnable.DataAvailable) != 0)
        {
            return (byte)(fifos | Identification.DataAvailable);
        }

        if (_transmitterEmptyPending && (_interruptEnable & InterruptEnable.TransmitterEmpty) != 0)
        {
            _transmitterEmptyPending = false;
            return (byte)(fifos | Identification.TransmitterEmpty);
        }

        return (byte)(fifos | Identification.None);
    }

    private byte ReadLineStatus()
    {
        var status = (byte)(LineStatus.TransmitterEmpty | (_received.Count > 0 ? LineStatus.DataReady : 0) | (_overrun ? LineStatus.Overrun : 0));
        _overrun = false;
        return status;
    }

    private byte ReadModemStatus()
    {
        if (!IsLoopback)
        {
            return ModemStatus.Connected;
        }

        // In loopback the four outputs are the four inputs: DTR is DSR, RTS is CTS, OUT1 is RI, OUT2 is DCD.
        var outputs = _modemControl;
        return (byte)((outputs & 1) << 5 | (outputs & 2) << 3 | (outputs & 4) << 4 | (outputs & 8) << 4);
    }

    private void RaiseIf(byte condition)
    {
        if ((_interruptEnable & condition) != 0)
        {
            _interrupt.Raise();
        }
    }
}
