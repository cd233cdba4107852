using Crisp.Kvm.Api;
using Crisp.Kvm.Boot;
using Crisp.Kvm.Memory;
using Crisp.Linux;

namespace Crisp.Kvm;

/// <summary>A machine for a flat guest.</summary>
/// <param name="LoadAddress">Null: 1 MiB.</param>
public sealed record FlatGuestOptions(int Vcpus, long MemoryBytes, EntryMode Entry, ulong? LoadAddress = null);

/// <summary>A virtual machine with a flat guest: processors, memory, a serial port, reset and power-off, and no interrupts.</summary>
public static class FlatGuest
{
    /// <summary>Enough for the tables and stacks below 1 MiB, and an image.</summary>
    public const long LeastMemory = 2 << 20;

    /// <summary>Makes the machine and loads the image. All processors start at the image's first byte, each with its number in (E|R)DI.</summary>
    /// <param name="name">The image's, for errors.</param>
    /// <param name="send">Gets what the guest sends through its serial port, on the processors' threads.</param>
    /// <exception cref="ImageLoadException">The image does not fit.</exception>
    public static BootedGuest Create(KvmSystem system, FlatGuestOptions options, FileDescriptor image, string name, SerialSink send)
    {
        var machine = new VirtualMachine(system, new MachineShape(options.Vcpus, options.MemoryBytes, HasIrqchip: false));
        try
        {
            var entry = options.LoadAddress ?? AddressMap.Image;
            FlatImage.Load(machine.Memory, image, name, entry, options.Entry);
            EntryState.WriteTables(machine.Memory, options.Entry);
            foreach (var (id, vcpu) in machine.Vcpus.Index())
            {
                EntryState.Enter(vcpu, options.Entry, entry, id);
            }

            return new BootedGuest(machine, ConsoleLine.Attach(machine, send), balloon: null);
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }
}
