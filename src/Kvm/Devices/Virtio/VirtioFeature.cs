namespace Crisp.Kvm.Devices.Virtio;

/// <summary>Feature bits that belong to no kind of device (virtio 1.2, 6).</summary>
internal static class VirtioFeature
{
    /// <summary>The device follows version 1. Drivers that do not accept it are refused.</summary>
    internal const ulong Version1 = 1UL << 32;
}

/// <summary>Bits of the device status (virtio 1.2, 2.1).</summary>
[Flags]
internal enum VirtioStatus
{
    None = 0,
    Acknowledge = 1,
    Driver = 2,
    DriverOk = 4,
    FeaturesOk = 8,
    NeedsReset = 0x40,
    Failed = 0x80,
}
