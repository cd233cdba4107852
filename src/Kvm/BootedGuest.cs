using Crisp.Kvm.Devices.Virtio.Balloon;

namespace Crisp.Kvm;

/// <summary>Takes bytes that a guest has sent.</summary>
public delegate void SerialSink(ReadOnlySpan<byte> bytes);

/// <summary>A virtual machine with a guest in it, and its serial port.</summary>
public sealed class BootedGuest : IDisposable
{
    private readonly ConsoleLine _console;

    internal BootedGuest(VirtualMachine machine, ConsoleLine console, VirtioBalloon? balloon)
        => (Machine, _console, Balloon) = (machine, console, balloon);

    public VirtualMachine Machine { get; }

    /// <summary>Null in machines without one.</summary>
    internal VirtioBalloon? Balloon { get; }

    /// <summary>Gives bytes to the serial port, and waits until the guest has room for them.</summary>
    /// <returns>False when the machine has ended.</returns>
    public bool Receive(ReadOnlySpan<byte> bytes) => _console.Receive(Machine, bytes);

    public void Dispose() => Machine.Dispose();
}
