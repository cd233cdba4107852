using Crisp.Kvm.Devices.Virtio.Queues;

namespace Crisp.Kvm.Devices.Virtio.Mmio;

internal sealed partial class VirtioMmio
{
    private uint ReadRegister(int register) => register switch
    {
        MmioRegister.MagicValue => Magic,
        MmioRegister.Version => 2,
        MmioRegister.DeviceId => _device.Id,
        MmioRegister.VendorId => 0x7073_7263, // "crsp"
        MmioRegister.DeviceFeatures => Half(OfferedFeatures, _deviceFeaturesSelector),
        MmioRegister.QueueSizeMax => _queueSelector < _queues.Length ? _device.QueueSizes[(int)_queueSelector] : 0U,
        MmioRegister.QueueReady => _queueSelector < _queues.Length && _queues[_queueSelector].IsReady ? 1U : 0U,
        MmioRegister.Status => (uint)_status,
        // No shared memory: its length is all ones.
        MmioRegister.SharedMemoryLengthLow or MmioRegister.SharedMemoryLengthHigh => uint.MaxValue,
        MmioRegister.ConfigGeneration => _configGeneration,
        _ => 0,
    };

    private void WriteRegister(int register, uint value)
    {
        switch (register)
        {
            case MmioRegister.DeviceFeaturesSel:
                _deviceFeaturesSelector = value;
                break;
            case MmioRegister.DriverFeaturesSel:
                _driverFeaturesSelector = value;
                break;
            case MmioRegister.DriverFeatures when (_status & VirtioStatus.FeaturesOk) == 0 && _driverFeaturesSelector < 2:
                var shift = (int)_driverFeaturesSelector * 32;
                _driverFeatures = (_driverFeatures & ~((ulong)uint.MaxValue << shift)) | (ulong)value << shift;
                break;
            case MmioRegister.QueueSel:
                _queueSelector = value;
                break;
            case MmioRegister.Status:
                WriteStatus((VirtioStatus)value);
                break;
            default:
                WriteQueue(register, value);
                break;
        }
    }

    private void WriteQueue(int register, uint value)
    {
        if (_queueSelector >= _queues.Length || (_status & (VirtioStatus.DriverOk | VirtioStatus.NeedsReset)) != 0)
        {
            return;
        }

        var queue = _queues[_queueSelector];
        switch (register)
        {
            case MmioRegister.QueueSize:
                queue.Size = value;
                break;
            case MmioRegister.QueueReady:
                queue.IsReady = value == 1;
                break;
            case MmioRegister.QueueDescLow:
                queue.Descriptors = Low(queue.Descriptors, value);
                break;
            case MmioRegister.QueueDescHigh:
                queue.Descriptors = High(queue.Descriptors, value);
                break;
            case MmioRegister.QueueDriverLow:
                queue.Available = Low(queue.Available, value);
                break;
            case MmioRegister.QueueDriverHigh:
                queue.Available = High(queue.Available, value);
                break;
            case MmioRegister.QueueDeviceLow:
                queue.Used = Low(queue.Used, value);
                break;
            case MmioRegister.QueueDeviceHigh:
                queue.Used = High(queue.Used, value);
                break;
        }
    }

    private void WriteStatus(VirtioStatus value)
    {
        if (value == VirtioStatus.None)
        {
            Reset();
            return;
        }

        // Bits are only ever added; what is refused is not set, and the driver reads that.
        var added = value & ~_status;
        if ((added & VirtioStatus.FeaturesOk) != 0 && !AcceptFeatures())
        {
            added &= ~VirtioStatus.FeaturesOk;
        }

        var isReady = (added & VirtioStatus.DriverOk) != 0;
        if (isReady && ((_status | added) & VirtioStatus.FeaturesOk) == 0)
        {
            added &= ~VirtioStatus.DriverOk;
            isReady = false;
        }

        _status |= added & ~VirtioStatus.NeedsReset;
        if (isReady)
        {
            Activate();
        }
    }

    private bool AcceptFeatures() => (_driverFeatures & ~OfferedFeatures) == 0 && (_driverFeatures & VirtioFeature.Version1) != 0;

    private void Activate()
    {
        try
        {
            _active = [.. _queues.Select((q, i) => q.IsReady ? Freeze(q, _device.QueueSizes[i]) : null)];
            _activation++;
            _device.Activate(_driverFeatures, _active, this);
        }
        catch (VirtioException e)
        {
            Complain(e.Message);
        }
    }

    private VirtQueue Freeze(QueueRegisters registers, ushort most)
    {
        var layout = new QueueLayout((ushort)Math.Min(registers.Size, ushort.MaxValue), registers.Descriptors, registers.Available, registers.Used);
        layout.Verify(_memory, most);
        return new VirtQueue(_memory, layout, () => Signal(UsedBuffers));
    }

    private void Reset()
    {
        if ((_status & VirtioStatus.DriverOk) != 0)
        {
            _device.Reset();
        }

        _status = VirtioStatus.None;
        _active = [];
        (_driverFeatures, _deviceFeaturesSelector, _driverFeaturesSelector, _queueSelector) = (0, 0, 0, 0);
        Volatile.Write(ref _interruptStatus, 0);
        Complaint = null;
        foreach (var queue in _queues)
        {
            (queue.Size, queue.IsReady, queue.Descriptors, queue.Available, queue.Used) = (0, false, 0, 0, 0);
        }
    }

    private static uint Half(ulong value, uint selector) => selector switch
    {
        0 => (uint)value,
        1 => (uint)(value >> 32),
        _ => 0,
    };

    private static ulong Low(ulong value, uint half) => (value & ~(ulong)uint.MaxValue) | half;

    private static ulong High(ulong value, uint half) => (value & uint.MaxValue) | (ulong)half << 32;

    /// <summary>What the driver has written about a queue, as it stands. Nothing uses it but <see cref="Freeze"/>.</summary>
    private sealed class QueueRegisters
    {
        public uint Size { get; set; }

        public bool IsReady { get; set; }

        public ulong Descriptors { get; set; }

        public ulong Available { get; set; }

        public ulong Used { get; set; }
    }
}
