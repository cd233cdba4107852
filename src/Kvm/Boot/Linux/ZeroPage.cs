using System.Buffers.Binary;
using System.Text;
using Crisp.Kvm.Boot.Acpi;
using Crisp.Kvm.Memory;

namespace Crisp.Kvm.Boot.Linux;

/// <summary>struct boot_params, with which Linux starts (Linux: Documentation/arch/x86/zero-page.rst).</summary>
internal static class ZeroPage
{
    /// <summary>Its address, which RSI holds at the entry.</summary>
    internal const ulong Address = 0x7000;

    internal const ulong CommandLine = 0x2_0000;

    /// <summary>x86's COMMAND_LINE_SIZE, with the NUL.</summary>
    internal const int LongestCommandLine = 2048;

    private const int Size = 4096;
    private const int AcpiRootPointer = 0x70;
    private const int MapEntries = 0x1E8;
    private const int SetupHeader = 0x1F1;
    private const int BootFlag = 0x1FE;
    private const int HeaderMagic = 0x202;
    private const int TypeOfLoader = 0x210;
    private const int RamdiskImage = 0x218;
    private const int RamdiskSize = 0x21C;
    private const int CommandLinePointer = 0x228;
    private const int KernelAlignment = 0x230;
    private const int Map = 0x2D0;
    private const int MapEntrySize = 20;
    private const uint Ram = 1;
    private const uint Reserved = 2;

    // Below it are this page and what the entry needs; from it to 1 MiB what firmware would have.
    private const ulong LegacyArea = 0xA_0000;

    /// <param name="initrd">Its address and length; null when there is none.</param>
    /// <exception cref="ImageLoadException">The command line is too long, or none.</exception>
    internal static void Write(GuestMemory memory, LoadedKernel kernel, string commandLine, (ulong Address, int Length)? initrd)
    {
        WriteCommandLine(memory, commandLine);
        var page = memory.Slice(Address, Size);
        page.Clear();
        kernel.SetupHeader.Span.CopyTo(page[SetupHeader..]);
        BinaryPrimitives.WriteUInt16LittleEndian(page[BootFlag..], 0xAA55);
        "HdrS"u8.CopyTo(page[HeaderMagic..]);
        page[TypeOfLoader] = 0xFF;
        BinaryPrimitives.WriteUInt32LittleEndian(page[CommandLinePointer..], (uint)CommandLine);
        BinaryPrimitives.WriteUInt64LittleEndian(page[AcpiRootPointer..], AcpiTables.Address);
        if (kernel.SetupHeader.IsEmpty)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(page[KernelAlignment..], 0x100_0000);
        }

        if (initrd is { } disk)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(page[RamdiskImage..], checked((uint)disk.Address));
            BinaryPrimitives.WriteUInt32LittleEndian(page[RamdiskSize..], (uint)disk.Length);
        }

        WriteMap(memory, page);
    }

    private static void WriteCommandLine(GuestMemory memory, string commandLine)
    {
        var bytes = Encoding.UTF8.GetBytes(commandLine);
        if (bytes.Length >= LongestCommandLine || bytes.Contains((byte)0))
        {
            throw new ImageLoadException($"A command line of {bytes.Length} bytes cannot be given to a kernel: at most {LongestCommandLine - 1}, and no NUL.");
        }

        var target = memory.Slice(CommandLine, LongestCommandLine);
        target.Clear();
        bytes.CopyTo(target);
    }

    private static void WriteMap(GuestMemory memory, Span<byte> page)
    {
        var entries = new List<(ulong Address, ulong Length, uint Type)>
        {
            (0, LegacyArea, Ram),
            (LegacyArea, AddressMap.Image - LegacyArea, Reserved),
        };
        foreach (var range in memory.Ranges)
        {
            var start = Math.Max(range.Address, AddressMap.Image);
            entries.Add((start, range.End - start, Ram));
        }

        page[MapEntries] = (byte)entries.Count;
        foreach (var (index, entry) in entries.Index())
        {
            var bytes = page.Slice(Map + index * MapEntrySize, MapEntrySize);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, entry.Address);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], entry.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[16..], entry.Type);
        }
    }
}
