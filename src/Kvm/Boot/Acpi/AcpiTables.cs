using System.Buffers.Binary;
using Crisp.Kvm.Devices.Keyboard;
using Crisp.Kvm.Devices.Power;
using Crisp.Kvm.Devices.Serial;
using Crisp.Kvm.Memory;

namespace Crisp.Kvm.Boot.Acpi;

/// <summary>The tables by which a kernel finds its processors and devices: a hardware-reduced machine (ACPI 6.5, chapter 5).</summary>
/// <remarks>There is no keyboard and no i8042 for the guest to look for: of that chip only the reset is there, as the FADT's reset register.</remarks>
internal static class AcpiTables
{
    /// <summary>Where the root pointer is, in the area that kernels search too.</summary>
    internal const ulong Address = 0xE_0000;

    /// <summary>The legacy area up to 1 MiB.</summary>
    internal const int MostBytes = 0x2_0000;

    private const int HeaderSize = 36;
    private const int RootPointerSize = 36;
    private const uint LocalApic = 0xFEE0_0000;
    private const uint IoApic = 0xFEC0_0000;

    /// <param name="virtioDevices">From the first address and interrupt of <see cref="AddressMap"/> on.</param>
    internal static void Write(GuestMemory memory, int vcpus, int virtioDevices)
    {
        var tables = new Writer(memory.Slice(Address, MostBytes));
        tables.Skip(RootPointerSize);
        var dsdt = tables.Add("DSDT", 2, Dsdt(virtioDevices));
        var fadt = tables.Add("FACP", 6, Fadt(dsdt));
        var madt = tables.Add("APIC", 5, Madt(vcpus));
        var xsdt = tables.Add("XSDT", 1, [.. BitConverter.GetBytes(fadt), .. BitConverter.GetBytes(madt)]);
        RootPointer(xsdt).CopyTo(memory.Slice(Address, RootPointerSize));
    }

    private static byte[] Dsdt(int virtioDevices) =>
    [
        .. Aml.Name("\\_S5_", Aml.Package(Aml.Integer(SleepControl.SoftOff))),
        .. Aml.Scope("\\_SB_", [Com1(), .. Enumerable.Range(0, virtioDevices).Select(Virtio)]),
    ];

    private static byte[] Com1() => Aml.Device(
        "COM1",
        Aml.Name("_HID", Aml.EisaId("PNP0501")),
        Aml.Name("_UID", Aml.Integer(1)),
        Aml.Name("_CRS", Aml.Resources(Aml.Ports(Serial16550.Port, Serial16550.Ports), Aml.EdgeInterrupt(Serial16550.Interrupt))));

    /// <summary>LNRO0005: virtio over MMIO, to Linux's driver.</summary>
    private static byte[] Virtio(int index) => Aml.Device(
        $"V{index:D3}",
        Aml.Name("_HID", Aml.Text("LNRO0005")),
        Aml.Name("_UID", Aml.Integer((byte)index)),
        Aml.Name("_CCA", Aml.Integer(1)),
        Aml.Name("_CRS", Aml.Resources(
            Aml.Memory((uint)(AddressMap.Virtio + (ulong)index * AddressMap.VirtioStride), (uint)AddressMap.VirtioStride),
            Aml.EdgeInterrupt(AddressMap.VirtioInterrupt + (uint)index))));

    /// <summary>Offsets of 5.2.9, less those of the header.</summary>
    private static byte[] Fadt(ulong dsdt)
    {
        const uint HardwareReduced = 1 << 20;
        const uint ResetRegister = 1 << 10;
        const uint NoFixedButtons = 1 << 4 | 1 << 5;
        const uint CacheFlush = 1;
        // No VGA, no clock chip.
        const ushort BootArchitecture = 1 << 2 | 1 << 5;
        var table = new byte[276 - HeaderSize];
        BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(109 - HeaderSize), BootArchitecture);
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(112 - HeaderSize), HardwareReduced | ResetRegister | NoFixedButtons | CacheFlush);
        PortAddress(I8042.Port + 4).CopyTo(table, 116 - HeaderSize);
        table[128 - HeaderSize] = 0xFE;
        table[131 - HeaderSize] = 5;
        BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan(140 - HeaderSize), dsdt);
        PortAddress(SleepControl.Port).CopyTo(table, 244 - HeaderSize);
        PortAddress(SleepControl.Port + 1).CopyTo(table, 256 - HeaderSize);
        "crisp"u8.CopyTo(table.AsSpan(268 - HeaderSize));
        return table;
    }

    /// <summary>A generic address structure: one byte in the I/O space.</summary>
    private static byte[] PortAddress(ushort port) => [1, 8, 0, 1, .. BitConverter.GetBytes((ulong)port)];

    private static byte[] Madt(int vcpus)
    {
        var table = new List<byte>([.. BitConverter.GetBytes(LocalApic), 0, 0, 0, 0]);
        for (var id = 0; id < vcpus; id++)
        {
            // Processor Local APIC: uid, id, enabled.
            table.AddRange([0, 8, (byte)id, (byte)id, 1, 0, 0, 0]);
        }

        // I/O APIC: id, address, first interrupt.
        table.AddRange([1, 12, 0, 0, .. BitConverter.GetBytes(IoApic), 0, 0, 0, 0]);
        return [.. table];
    }

    private static byte[] RootPointer(ulong xsdt)
    {
        byte[] pointer = [.. "RSD PTR "u8, 0, .. "CRISP "u8, 2, 0, 0, 0, 0, RootPointerSize, 0, 0, 0, .. BitConverter.GetBytes(xsdt), 0, 0, 0, 0];
        pointer[8] = Checksum(pointer.AsSpan(0, 20));
        pointer[32] = Checksum(pointer);
        return pointer;
    }

    /// <summary>What makes the sum of all bytes 0.</summary>
    private static byte Checksum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (var value in bytes)
        {
            sum += value;
        }

        return (byte)-sum;
    }

    private ref struct Writer(Span<byte> area)
    {
        private readonly Span<byte> _area = area;
        private int _length;

        internal void Skip(int length) => _length += length;

        /// <returns>The table's address.</returns>
        internal ulong Add(string signature, byte revision, byte[] content)
        {
            _length = (_length + 15) & ~15;
            byte[] table =
            [
                .. System.Text.Encoding.ASCII.GetBytes(signature), .. BitConverter.GetBytes(HeaderSize + content.Length), revision, 0,
                .. "CRISP "u8, .. "CRISPVM "u8, 1, 0, 0, 0, .. "CRSP"u8, 1, 0, 0, 0, .. content,
            ];
            table[9] = Checksum(table);
            table.CopyTo(_area[_length..]);
            var address = Address + (ulong)_length;
            _length += table.Length;
            return address;
        }
    }
}
