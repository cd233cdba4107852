namespace Crisp.Kvm.Devices;

/// <summary>Which device answers at which addresses or ports. Filled before the guest starts, read-only from then on.</summary>
internal sealed class Bus
{
    private readonly List<Slot> _slots = [];

    /// <exception cref="ArgumentException">Something answers there already.</exception>
    internal void Add(ulong address, ulong length, IBusDevice device)
    {
        ArgumentOutOfRangeException.ThrowIfZero(length);
        if (_slots.Find(s => address < s.Address + s.Length && s.Address < address + length) is { } other)
        {
            throw new ArgumentException($"At 0x{address:x} lies {other.Device.GetType().Name} already.", nameof(address));
        }

        _slots.Add(new Slot(address, length, device));
    }

    /// <summary>What the guest reads; nothing answers with ones, as on a real bus.</summary>
    internal void Read(ulong address, Span<byte> data)
    {
        data.Fill(0xFF);
        if (Find(address, data.Length) is { } slot)
        {
            slot.Device.Read(address - slot.Address, data);
        }
    }

    /// <summary>What the guest writes; where nothing is, it is lost.</summary>
    internal void Write(ulong address, ReadOnlySpan<byte> data)
    {
        if (Find(address, data.Length) is { } slot)
        {
            slot.Device.Write(address - slot.Address, data);
        }
    }

    private Slot? Find(ulong address, int length)
    {
        foreach (var slot in _slots)
        {
            // An access that only begins in a device is nobody's: no device has to check for what lies behind its end.
            if (address >= slot.Address && address - slot.Address <= slot.Length - 1 && (ulong)length <= slot.Length - (address - slot.Address))
            {
                return slot;
            }
        }

        return null;
    }

    private sealed record Slot(ulong Address, ulong Length, IBusDevice Device);
}
