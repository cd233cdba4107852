namespace Crisp.Kvm.Devices.Power;

/// <summary>ACPI's sleep control and status registers of a hardware-reduced machine (ACPI 6.5, 4.8.3.7): power-off, and no other sleep.</summary>
internal sealed class SleepControl(Action powerOff) : IBusDevice
{
    /// <summary>Control and, one further, status.</summary>
    internal const ushort Port = 0x600;
    internal const int Ports = 2;

    /// <summary>SLP_TYPx of S5, the only type there is.</summary>
    internal const byte SoftOff = 5;

    private const byte Enable = 1 << 5;

    public void Read(ulong offset, Span<byte> data) => data.Clear();

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset == 0 && (data[0] & Enable) != 0 && (data[0] >> 2 & 7) == SoftOff)
        {
            powerOff();
        }
    }
}
