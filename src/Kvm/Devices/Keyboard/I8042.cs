namespace Crisp.Kvm.Devices.Keyboard;

/// <summary>The keyboard controller's one use in a machine without a keyboard: its command 0xFE resets the machine.</summary>
internal sealed class I8042(Action reset) : IBusDevice
{
    /// <summary>Data and, four further, command and status.</summary>
    internal const ushort Port = 0x60;
    internal const int Ports = 5;

    private const ulong Command = 4;
    private const byte PulseResetLine = 0xFE;

    public void Read(ulong offset, Span<byte> data)
    {
        if (offset == Command)
        {
            // Neither buffer is full: nothing to read, and room for a command.
            data.Clear();
        }
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset == Command && data[0] == PulseResetLine)
        {
            reset();
        }
    }
}
