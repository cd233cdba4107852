using Crisp.Linux;

namespace Crisp.Kvm.Devices;

/// <summary>An interrupt of one device, edge-triggered: each call is one edge. From any thread.</summary>
internal interface IInterruptLine
{
    public void Raise();
}

/// <summary>An interrupt that the kernel injects when an eventfd is signalled (irqfd).</summary>
internal sealed class EventInterrupt(EventFd signal) : IInterruptLine
{
    public void Raise() => signal.Signal();
}

/// <summary>For guests without interrupt controllers, which poll.</summary>
internal sealed class NoInterrupt : IInterruptLine
{
    internal static NoInterrupt Instance { get; } = new();

    public void Raise()
    {
    }
}
