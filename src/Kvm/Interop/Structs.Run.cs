using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Crisp.Kvm.Interop;

/// <summary>linux/kvm.h: struct kvm_run up to its union's end, which the kernel and the monitor share.</summary>
/// <remarks>Members of the union are named union_member and lie where the header has them.</remarks>
[StructLayout(LayoutKind.Explicit, Size = UnionOffset + 256)]
internal struct kvm_run
{
    private const int UnionOffset = 32;

    [FieldOffset(1)]
    internal byte immediate_exit;

    [FieldOffset(8)]
    internal uint exit_reason;

    [FieldOffset(UnionOffset)]
    internal ulong hw_hardware_exit_reason;

    [FieldOffset(UnionOffset)]
    internal ulong fail_entry_hardware_entry_failure_reason;

    [FieldOffset(UnionOffset + 8)]
    internal uint fail_entry_cpu;

    [FieldOffset(UnionOffset)]
    internal byte io_direction;

    [FieldOffset(UnionOffset + 1)]
    internal byte io_size;

    [FieldOffset(UnionOffset + 2)]
    internal ushort io_port;

    [FieldOffset(UnionOffset + 4)]
    internal uint io_count;

    [FieldOffset(UnionOffset + 8)]
    internal ulong io_data_offset;

    [FieldOffset(UnionOffset)]
    internal ulong mmio_phys_addr;

    [FieldOffset(UnionOffset + 8)]
    internal bytes8 mmio_data;

    [FieldOffset(UnionOffset + 16)]
    internal uint mmio_len;

    [FieldOffset(UnionOffset + 20)]
    internal byte mmio_is_write;

    [FieldOffset(UnionOffset)]
    internal uint internal_suberror;

    [FieldOffset(UnionOffset + 4)]
    internal uint internal_ndata;

    [FieldOffset(UnionOffset + 8)]
    internal ulong emulation_failure_flags;

    [FieldOffset(UnionOffset + 16)]
    internal byte emulation_failure_insn_size;

    [FieldOffset(UnionOffset + 17)]
    internal bytes15 emulation_failure_insn_bytes;

    [FieldOffset(UnionOffset)]
    internal uint system_event_type;

    [FieldOffset(UnionOffset + 8)]
    internal uint msr_reason;

    [FieldOffset(UnionOffset + 12)]
    internal uint msr_index;
}

[InlineArray(8)]
internal struct bytes8
{
    private byte _first;
}

[InlineArray(15)]
internal struct bytes15
{
    private byte _first;
}
