namespace Crisp.Kvm.Devices.Virtio.Mmio;

/// <summary>Offsets of the registers (virtio 1.2, 4.2.2).</summary>
internal static class MmioRegister
{
    internal const int MagicValue = 0x000;
    internal const int Version = 0x004;
    internal const int DeviceId = 0x008;
    internal const int VendorId = 0x00C;
    internal const int DeviceFeatures = 0x010;
    internal const int DeviceFeaturesSel = 0x014;
    internal const int DriverFeatures = 0x020;
    internal const int DriverFeaturesSel = 0x024;
    internal const int QueueSel = 0x030;
    internal const int QueueSizeMax = 0x034;
    internal const int QueueSize = 0x038;
    internal const int QueueReady = 0x044;
    internal const int QueueNotify = 0x050;
    internal const int InterruptStatus = 0x060;
    internal const int InterruptAck = 0x064;
    internal const int Status = 0x070;
    internal const int QueueDescLow = 0x080;
    internal const int QueueDescHigh = 0x084;
    internal const int QueueDriverLow = 0x090;
    internal const int QueueDriverHigh = 0x094;
    internal const int QueueDeviceLow = 0x0A0;
    internal const int QueueDeviceHigh = 0x0A4;
    internal const int SharedMemoryLengthLow = 0x0B0;
    internal const int SharedMemoryLengthHigh = 0x0B4;
    internal const int ConfigGeneration = 0x0FC;
    internal const int Config = 0x100;
}
