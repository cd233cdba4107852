namespace Crisp.Kvm.Devices.Virtio.Vsock;

/// <summary>A connection's name: its port in the guest and its port on the host.</summary>
internal readonly record struct VsockKey(uint GuestPort, uint HostPort);
