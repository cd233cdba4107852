using Crisp.Kvm.Api;
using Crisp.Kvm.Boot;
using Crisp.Kvm.Devices.Keyboard;
using Crisp.Kvm.Devices.Power;
using Crisp.Kvm.Devices.Serial;
using Crisp.Kvm.Memory;
using Crisp.Linux;

namespace Crisp.Kvm;

/// <summary>A machine for a flat guest.</summary>
/// <param name="LoadAddress">Null: 1 MiB.</param>
public sealed record FlatGuestOptions(int Vcpus, long MemoryBytes, EntryMode Entry, ulong? LoadAddress = null);

/// <summary>A virtual machine with a flat guest: processors, memory, a serial port, reset and power-off, and no interrupts.</summary>
public sealed class FlatGuest : IDisposable
{
    /// <summary>Enough for the tables and stacks below 1 MiB, and an image.</summary>
    public const long LeastMemory = 2 << 20;

    private readonly Serial16550 _serial;

    private FlatGuest(VirtualMachine machine, Serial16550 serial) => (Machine, _serial) = (machine, serial);

    public VirtualMachine Machine { get; }

    /// <summary>Makes the machine and loads the image. All processors start at the image's first byte, each with its number in (E|R)DI.</summary>
    /// <param name="name">The image's, for errors.</param>
    /// <param name="send">Gets what the guest sends through its serial port, on the processors' threads.</param>
    /// <exception cref="ImageLoadException">The image does not fit.</exception>
    public static FlatGuest Create(KvmSystem system, FlatGuestOptions options, FileDescriptor image, string name, SerialSink send)
    {
        var machine = new VirtualMachine(system, new MachineShape(options.Vcpus, options.MemoryBytes, HasIrqchip: false));
        try
        {
            var entry = options.LoadAddress ?? AddressMap.Image;
            FlatImage.Load(machine.Memory, image, name, entry, options.Entry);
            EntryState.WriteTables(machine.Memory, options.Entry);
            foreach (var (id, vcpu) in machine.Vcpus.Index())
            {
                var special = vcpu.GetSpecialRegisters();
                EntryState.SetSpecialRegisters(ref special, options.Entry, entry);
                vcpu.SetSpecialRegisters(special);
                vcpu.SetRegisters(EntryState.Registers(options.Entry, entry, id));
                vcpu.SetFpu(EntryState.Fpu());
            }

            var line = new SinkLine(send);
            var serial = new Serial16550(machine.CreateInterrupt(Serial16550.Interrupt), line);
            machine.Own(line);
            machine.Ports.Add(Serial16550.Port, Serial16550.Ports, serial);
            machine.Ports.Add(I8042.Port, I8042.Ports, new I8042(() => machine.End(VmOutcome.Reset, "The guest asked for a reset.")));
            machine.Ports.Add(
                SleepControl.Port, SleepControl.Ports, new SleepControl(() => machine.End(VmOutcome.PoweredOff, "The guest switched the machine off.")));
            return new FlatGuest(machine, serial) { Line = line };
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }

    private SinkLine Line { get; init; } = null!;

    /// <summary>Gives bytes to the serial port, and waits until the guest has room for them.</summary>
    /// <returns>False when the machine has ended.</returns>
    public bool Receive(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (Machine.Outcome is not null)
            {
                return false;
            }

            var taken = _serial.Receive(bytes);
            bytes = bytes[taken..];
            if (!bytes.IsEmpty)
            {
                Line.WaitForRoom();
            }
        }

        return true;
    }

    public void Dispose() => Machine.Dispose();

    private sealed class SinkLine(SerialSink sink) : ISerialLine, IDisposable
    {
        // Looked at again now and then: the machine may end while its guest never reads.
        private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);
        private readonly AutoResetEvent _room = new(false);

        public void Send(ReadOnlySpan<byte> bytes) => sink(bytes);

        public void Ready() => _room.Set();

        public void WaitForRoom() => _room.WaitOne(s_look);

        public void Dispose() => _room.Dispose();
    }
}

/// <summary>Takes bytes that a guest has sent.</summary>
public delegate void SerialSink(ReadOnlySpan<byte> bytes);
