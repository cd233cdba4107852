using Crisp.Kvm.Devices.Keyboard;
using Crisp.Kvm.Devices.Power;
using Crisp.Kvm.Devices.Serial;

namespace Crisp.Kvm;

/// <summary>The wire of a machine's serial port.</summary>
internal sealed class ConsoleLine : ISerialLine, IDisposable
{
    // Looked at again now and then: the machine may end while its guest never reads.
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);
    private readonly SerialSink _sink;
    private readonly AutoResetEvent _room = new(false);
    private readonly Serial16550 _serial;

    private ConsoleLine(VirtualMachine machine, SerialSink sink)
    {
        _sink = sink;
        _serial = new Serial16550(machine.CreateInterrupt(Serial16550.Interrupt), this);
    }

    /// <summary>Adds what every machine has: a serial port, reset and power-off.</summary>
    internal static ConsoleLine Attach(VirtualMachine machine, SerialSink sink)
    {
        var line = machine.Own(new ConsoleLine(machine, sink));
        machine.Ports.Add(Serial16550.Port, Serial16550.Ports, line._serial);
        machine.Ports.Add(I8042.Port, I8042.Ports, new I8042(() => machine.End(VmOutcome.Reset, "The guest asked for a reset.")));
        machine.Ports.Add(
            SleepControl.Port, SleepControl.Ports, new SleepControl(() => machine.End(VmOutcome.PoweredOff, "The guest switched the machine off.")));
        return line;
    }

    /// <summary>Gives bytes to the guest, and waits until it has room for them.</summary>
    /// <returns>False when the machine has ended.</returns>
    internal bool Receive(VirtualMachine machine, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (machine.Outcome is not null)
            {
                return false;
            }

            var taken = _serial.Receive(bytes);
            bytes = bytes[taken..];
            if (!bytes.IsEmpty)
            {
                _room.WaitOne(s_look);
            }
        }

        return true;
    }

    public void Send(ReadOnlySpan<byte> bytes) => _sink(bytes);

    public void Ready() => _room.Set();

    public void Dispose() => _room.Dispose();
}
