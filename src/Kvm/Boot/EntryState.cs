using System.Runtime.InteropServices;
using Crisp.Kvm.Api;
using Crisp.Kvm.Interop;
using Crisp.Kvm.Memory;

namespace Crisp.Kvm.Boot;

/// <summary>The registers and tables with which processors start in each mode (Intel SDM volume 3, chapters 3, 4 and 10).</summary>
internal static class EntryState
{
    private const ulong Cr0ProtectionEnable = 1;
    private const ulong Cr0ExtensionType = 1 << 4;
    private const ulong Cr0NumericError = 1 << 5;
    private const ulong Cr0Paging = 1UL << 31;
    private const ulong Cr4PhysicalAddressExtension = 1 << 5;
    private const ulong Cr4FxSave = 1 << 9;
    private const ulong Cr4SimdExceptions = 1 << 10;
    private const ulong EferLongModeEnable = 1 << 8;
    private const ulong EferLongModeActive = 1 << 10;

    /// <summary>Present, writable.</summary>
    private const ulong TableEntry = 3;

    /// <summary>Present, writable, a page of 2 MiB.</summary>
    private const ulong LargePageEntry = 0x83;

    private const int PageSize = 4096;
    private const int EntriesOfPage = 512;
    private const int PageDirectories = 4;

    // Those of Linux's boot protocol, __BOOT_CS and __BOOT_DS.
    private const ushort CodeSelector = 0x10;
    private const ushort DataSelector = 0x18;
    private const ushort TaskSelector = 0x20;
    private const int Descriptors = 5;
    private const byte CodeType = 0xB;
    private const byte DataType = 0x3;
    private const byte TaskType = 0xB;

    /// <summary>Always set in RFLAGS; interrupts are off.</summary>
    private const ulong InitialFlags = 2;

    /// <summary>Writes what the mode needs in memory, once for all processors.</summary>
    internal static void WriteTables(GuestMemory memory, EntryMode mode)
    {
        if (mode == EntryMode.Real)
        {
            return;
        }

        var table = memory.Slice(AddressMap.DescriptorTable, Descriptors * sizeof(ulong));
        ReadOnlySpan<ulong> descriptors = [0, 0, Descriptor(Code(mode)), Descriptor(Data()), Descriptor(Task())];
        MemoryMarshal.AsBytes(descriptors).CopyTo(table);
        if (mode == EntryMode.Long)
        {
            WritePageTables(memory);
        }
    }

    /// <summary>Sets a processor's registers so that it starts at the entry.</summary>
    internal static void Enter(KvmVcpu vcpu, EntryMode mode, ulong entry, int id)
    {
        var special = vcpu.GetSpecialRegisters();
        SetSpecialRegisters(ref special, mode, entry);
        vcpu.SetSpecialRegisters(special);
        vcpu.SetRegisters(Registers(mode, entry, id));
        vcpu.SetFpu(Fpu());
    }

    /// <summary>The segments and control registers.</summary>
    /// <param name="registers">As the processor has them after its reset.</param>
    /// <param name="entry">For real mode, where a segment must reach it.</param>
    internal static void SetSpecialRegisters(ref kvm_sregs registers, EntryMode mode, ulong entry)
    {
        if (mode == EntryMode.Real)
        {
            var selector = RealModeSelector(entry);
            foreach (ref var segment in Segments(ref registers))
            {
                segment.selector = selector;
                segment.@base = (ulong)selector << 4;
            }

            return;
        }

        registers.cs = Code(mode);
        registers.ds = registers.es = registers.fs = registers.gs = registers.ss = Data();
        registers.tr = Task();
        registers.gdt = new kvm_dtable { @base = AddressMap.DescriptorTable, limit = Descriptors * sizeof(ulong) - 1 };
        registers.idt = default;
        registers.cr0 = Cr0ProtectionEnable | Cr0ExtensionType | Cr0NumericError;
        if (mode == EntryMode.Long)
        {
            registers.cr0 |= Cr0Paging;
            registers.cr3 = AddressMap.PageTables;
            // With SSE, which every compiler for 64 bits takes for granted.
            registers.cr4 = Cr4PhysicalAddressExtension | Cr4FxSave | Cr4SimdExceptions;
            registers.efer = EferLongModeEnable | EferLongModeActive;
        }
    }

    /// <summary>The instruction and stack pointers, and the processor's number in (R|E)DI.</summary>
    internal static kvm_regs Registers(EntryMode mode, ulong entry, int vcpu) => new()
    {
        rip = mode == EntryMode.Real ? entry - ((ulong)RealModeSelector(entry) << 4) : entry,
        rsp = mode == EntryMode.Real ? 0xFFFE : AddressMap.StackTop - (ulong)(vcpu * AddressMap.StackSize),
        rdi = (ulong)vcpu,
        rflags = InitialFlags,
    };

    /// <summary>x87 and SSE as after FNINIT and reset: all exceptions masked, double extended precision.</summary>
    internal static kvm_fpu Fpu() => new() { fcw = 0x37F, mxcsr = 0x1F80 };

    /// <summary>The highest address that real mode reaches with a whole segment's beginning: 1 MiB and 64 KiB − 16.</summary>
    internal const ulong LastRealModeEntry = 0xF_FFF0 + 0xFFFF;

    private static ushort RealModeSelector(ulong entry) => (ushort)Math.Min(entry >> 4, 0xFFFF);

    private static Span<kvm_segment> Segments(ref kvm_sregs registers) => MemoryMarshal.CreateSpan(ref registers.cs, 6);

    private static kvm_segment Code(EntryMode mode) => Segment(CodeSelector, CodeType) with
    {
        db = mode == EntryMode.Long ? (byte)0 : (byte)1,
        l = mode == EntryMode.Long ? (byte)1 : (byte)0,
    };

    private static kvm_segment Data() => Segment(DataSelector, DataType) with { db = 1 };

    private static kvm_segment Task() => new() { selector = TaskSelector, type = TaskType, present = 1, limit = 0x67 };

    private static kvm_segment Segment(ushort selector, byte type) => new()
    {
        limit = uint.MaxValue,
        selector = selector,
        type = type,
        present = 1,
        s = 1,
        g = 1,
    };

    /// <summary>The descriptor of 8 bytes that a load of the segment would read.</summary>
    private static ulong Descriptor(kvm_segment segment)
    {
        var limit = segment.g == 1 ? segment.limit >> 12 : segment.limit;
        var access = (ulong)(segment.type | segment.s << 4 | segment.dpl << 5 | segment.present << 7);
        var flags = (ulong)(segment.avl | segment.l << 1 | segment.db << 2 | segment.g << 3);
        return (limit & 0xFFFF) | (segment.@base & 0xFF_FFFF) << 16 | access << 40 | (ulong)(limit >> 16 & 0xF) << 48 | flags << 52
            | (segment.@base >> 24 & 0xFF) << 56;
    }

    private static void WritePageTables(GuestMemory memory)
    {
        var pointers = AddressMap.PageTables + PageSize;
        var directories = pointers + PageSize;
        Table(memory, AddressMap.PageTables)[0] = pointers | TableEntry;
        for (var directory = 0; directory < PageDirectories; directory++)
        {
            var address = directories + (ulong)(directory * PageSize);
            Table(memory, pointers)[directory] = address | TableEntry;
            var entries = Table(memory, address);
            for (var entry = 0; entry < EntriesOfPage; entry++)
            {
                entries[entry] = (ulong)(directory * EntriesOfPage + entry) << 21 | LargePageEntry;
            }
        }
    }

    private static Span<ulong> Table(GuestMemory memory, ulong address) => MemoryMarshal.Cast<byte, ulong>(memory.Slice(address, PageSize));
}
