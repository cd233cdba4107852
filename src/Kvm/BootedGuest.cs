using Crisp.Kvm.Devices.Virtio.Balloon;
using Crisp.Kvm.Devices.Virtio.Vsock;
using Crisp.Linux;

namespace Crisp.Kvm;

/// <summary>Takes bytes that a guest has sent.</summary>
public delegate void SerialSink(ReadOnlySpan<byte> bytes);

/// <summary>A virtual machine with a guest in it, and its serial port.</summary>
public sealed class BootedGuest : IDisposable
{
    private readonly ConsoleLine _console;
    private readonly VirtioVsock? _vsock;

    internal BootedGuest(VirtualMachine machine, ConsoleLine console, VirtioBalloon? balloon, VirtioVsock? vsock = null)
        => (Machine, _console, Balloon, _vsock) = (machine, console, balloon, vsock);

    public VirtualMachine Machine { get; }

    /// <summary>As many as the machine was made with.</summary>
    public IReadOnlyList<DiskSlot> DiskSlots { get; internal init; } = [];

    /// <summary>Null in machines without one.</summary>
    internal VirtioBalloon? Balloon { get; }

    /// <summary>Gives bytes to the serial port, and waits until the guest has room for them.</summary>
    /// <returns>False when the machine has ended.</returns>
    public bool Receive(ReadOnlySpan<byte> bytes) => _console.Receive(Machine, bytes);

    /// <summary>Connects to a port of the guest's vsock, now or as soon as it has a driver. From any thread.</summary>
    /// <returns>Does not block. When the guest refuses the connection, or the machine is gone, it ends at once.</returns>
    public FileDescriptor ConnectVsock(uint port)
        => (_vsock ?? throw new InvalidOperationException("The machine has no vsock for this process.")).Connect(port);

    public void Dispose() => Machine.Dispose();
}
