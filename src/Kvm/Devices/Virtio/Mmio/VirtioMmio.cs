using System.Buffers.Binary;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Kvm.Memory;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Mmio;

/// <summary>The transport over memory-mapped I/O (virtio 1.2, 4.2), version 2.</summary>
/// <remarks>
/// What a driver writes is kept only while it may write it: features until FEATURES_OK, queues until DRIVER_OK. Then the queues
/// are verified and copied; nothing the driver writes to their registers later reaches them (CVE-2026-5747).
/// </remarks>
internal sealed partial class VirtioMmio : IBusDevice, IVirtioHost, IDisposable
{
    /// <summary>Of addresses that one device takes.</summary>
    internal const int Length = 0x200;

    private const uint Magic = 0x7472_6976; // "virt"
    private const uint UsedBuffers = 1;
    private const uint ConfigChanged = 2;

    private readonly IVirtioDevice _device;
    private readonly GuestMemory _memory;
    private readonly IInterruptLine _interrupt;
    private readonly DeviceLoop _loop;
    private readonly QueueRegisters[] _queues;
    private readonly EventFd[] _notices;

    // Guards the registers and the device: held for each access and each piece of the device's work.
    private readonly Lock _lock = new();
    private VirtioStatus _status;
    private ulong _driverFeatures;
    private uint _deviceFeaturesSelector;
    private uint _driverFeaturesSelector;
    private uint _queueSelector;
    private uint _configGeneration;
    private uint _interruptStatus;
    private int _activation;
    private VirtQueue?[] _active = [];

    /// <param name="notices">One eventfd for each queue, which also the kernel may signal (ioeventfd).</param>
    internal VirtioMmio(IVirtioDevice device, GuestMemory memory, IInterruptLine interrupt, DeviceLoop loop, IReadOnlyList<EventFd> notices)
    {
        (_device, _memory, _interrupt, _loop) = (device, memory, interrupt, loop);
        _queues = [.. device.QueueSizes.Select(_ => new QueueRegisters())];
        _notices = [.. notices];
        for (var queue = 0; queue < _queues.Length; queue++)
        {
            var (index, notice) = (queue, _notices[queue]);
            loop.Watch(notice.Descriptor, EpollEvents.In, _ =>
            {
                notice.Drain();
                Work(() => _device.Process(index), queue: index);
            });
        }
    }

    /// <summary>Why the device asked to be reset; null when it did not.</summary>
    internal string? Complaint { get; private set; }

    private ulong OfferedFeatures => _device.Features | VirtioFeature.Version1;

    private bool IsActive => (_status & VirtioStatus.DriverOk) != 0 && (_status & VirtioStatus.NeedsReset) == 0;

    /// <remarks>
    /// Without the lock, which a guest that always has work for its device keeps busy: whoever changes a device does not wait for that.
    /// A driver that read half of the old space and half of the new one is told of it, and reads again.
    /// </remarks>
    public void SignalConfigChange()
    {
        Interlocked.Increment(ref _configGeneration);
        if (IsActive)
        {
            Signal(ConfigChanged);
        }
    }

    public ulong Watch(FileDescriptor file, EpollEvents events, Action<EpollEvents> action)
    {
        var activation = _activation;
        return _loop.Watch(file, events, happened => Work(() => action(happened), activation));
    }

    public void Modify(ulong watch, FileDescriptor file, EpollEvents events) => _loop.Modify(watch, file, events);

    public void Unwatch(ulong watch, FileDescriptor file) => _loop.Unwatch(watch, file);

    bool IVirtioHost.Work(Action action) => Work(action);

    public void Read(ulong offset, Span<byte> data)
    {
        if (offset == MmioRegister.InterruptStatus && data.Length == sizeof(uint))
        {
            // Without the lock: a handler of interrupts must not wait for the device's work.
            BinaryPrimitives.WriteUInt32LittleEndian(data, Volatile.Read(ref _interruptStatus));
            return;
        }

        lock (_lock)
        {
            if (offset >= MmioRegister.Config)
            {
                _device.ReadConfig(offset - MmioRegister.Config, data);
            }
            else if (data.Length == sizeof(uint) && offset % sizeof(uint) == 0)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(data, ReadRegister((int)offset));
            }
            else
            {
                // Registers have 32 bits; drivers must not read parts of them.
                data.Clear();
            }
        }
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset is MmioRegister.InterruptAck or MmioRegister.QueueNotify && data.Length == sizeof(uint))
        {
            WriteWithoutLock((int)offset, BinaryPrimitives.ReadUInt32LittleEndian(data));
            return;
        }

        lock (_lock)
        {
            if (offset >= MmioRegister.Config)
            {
                _device.WriteConfig(offset - MmioRegister.Config, data);
            }
            else if (data.Length == sizeof(uint) && offset % sizeof(uint) == 0)
            {
                WriteRegister((int)offset, BinaryPrimitives.ReadUInt32LittleEndian(data));
            }
        }
    }

    public void Dispose()
    {
        _loop.Dispose();
        (_device as IDisposable)?.Dispose();
    }

    /// <summary>Does a piece of the device's work: not while it is reset, and only while it is as active as when it was asked for.</summary>
    /// <returns>Whether it was done.</returns>
    private bool Work(Action action, int? activation = null, int? queue = null)
    {
        lock (_lock)
        {
            if (!IsActive || (activation is { } asked && asked != _activation) || (queue is { } index && _active[index] is null))
            {
                return false;
            }

            try
            {
                action();
                foreach (var active in _active)
                {
                    active?.Flush();
                }

                return true;
            }
            catch (Exception e) when (e is VirtioException or GuestMemoryException)
            {
                Complain(e.Message);
                return false;
            }
        }
    }

    private void WriteWithoutLock(int register, uint value)
    {
        if (register == MmioRegister.InterruptAck)
        {
            Interlocked.And(ref _interruptStatus, ~value);
        }
        else if (value < _notices.Length)
        {
            _notices[value].Signal();
        }
    }

    private void Complain(string reason)
    {
        Complaint = reason;
        _status |= VirtioStatus.NeedsReset;
        Signal(ConfigChanged);
    }

    private void Signal(uint reason)
    {
        Interlocked.Or(ref _interruptStatus, reason);
        _interrupt.Raise();
    }
}
