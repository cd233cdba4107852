namespace Crisp.Kvm.Devices;

/// <summary>A device that the guest reaches by ports or by memory-mapped I/O. Called by any number of processors at once.</summary>
internal interface IBusDevice
{
    /// <param name="offset">From the device's first address.</param>
    /// <param name="data">1, 2, 4 or 8 bytes for the guest; all 0xFF when a device does not write to it.</param>
    public void Read(ulong offset, Span<byte> data);

    /// <param name="offset">From the device's first address.</param>
    /// <param name="data">1, 2, 4 or 8 bytes of the guest.</param>
    public void Write(ulong offset, ReadOnlySpan<byte> data);
}
