using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio;

/// <summary>A kind of device. It knows no transport, and its queues know no device.</summary>
/// <remarks>
/// Activate, Process and Reset never run at once. Process runs on the device's own thread, the others on a processor's.
/// <code>
/// idle ──Activate──► active ──Process …──► active
///   ▲                  │
///   └──────Reset───────┘
/// </code>
/// </remarks>
internal interface IVirtioDevice
{
    /// <summary>virtio 1.2, chapter 5.</summary>
    public uint Id { get; }

    /// <summary>The bits of its kind that it offers.</summary>
    public ulong Features { get; }

    /// <summary>The most descriptors that each queue can have; a power of 2.</summary>
    public IReadOnlyList<ushort> QueueSizes { get; }

    /// <summary>The configuration space; zeros behind its end.</summary>
    public void ReadConfig(ulong offset, Span<byte> data);

    public void WriteConfig(ulong offset, ReadOnlySpan<byte> data);

    /// <summary>The driver is ready.</summary>
    /// <param name="features">Those that both sides have accepted.</param>
    /// <param name="queues">Null for one that the driver does not use.</param>
    /// <param name="host">Valid until Reset.</param>
    public void Activate(ulong features, IReadOnlyList<VirtQueue?> queues, IVirtioHost host);

    /// <summary>The driver has put something into the queue, or had reason to say so.</summary>
    /// <exception cref="VirtioException">It broke the rules.</exception>
    public void Process(int queue);

    /// <summary>The queues are no more.</summary>
    public void Reset();
}

/// <summary>What a transport does for an active device.</summary>
internal interface IVirtioHost
{
    /// <summary>Calls the action on the device's thread, as Process is called, whenever the descriptor has one of the events.</summary>
    /// <returns>For the calls below. Before the descriptor is closed it is unwatched.</returns>
    public ulong Watch(FileDescriptor file, EpollEvents events, Action<EpollEvents> action);

    public void Modify(ulong watch, FileDescriptor file, EpollEvents events);

    public void Unwatch(ulong watch, FileDescriptor file);

    /// <summary>
    /// Does a piece of the device's work on the calling thread: as Process is called, and never together with it. Not at all when the
    /// device is not active.
    /// </summary>
    /// <returns>False when the device is not active, or the driver broke the rules.</returns>
    public bool Work(Action action);

    /// <summary>The driver is told to read the configuration space again. From any thread.</summary>
    public void SignalConfigChange();
}

/// <summary>Configuration spaces as bytes.</summary>
internal static class VirtioConfig
{
    /// <summary>A read of a configuration space.</summary>
    internal static void Read(ReadOnlySpan<byte> config, ulong offset, Span<byte> data)
    {
        data.Clear();
        if (offset < (ulong)config.Length)
        {
            var rest = config[(int)offset..];
            rest[..Math.Min(rest.Length, data.Length)].CopyTo(data);
        }
    }
}
