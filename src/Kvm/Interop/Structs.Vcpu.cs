using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Crisp.Kvm.Interop;

// asm/kvm.h: struct kvm_regs
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_regs
{
    internal ulong rax;
    internal ulong rbx;
    internal ulong rcx;
    internal ulong rdx;
    internal ulong rsi;
    internal ulong rdi;
    internal ulong rsp;
    internal ulong rbp;
    internal ulong r8;
    internal ulong r9;
    internal ulong r10;
    internal ulong r11;
    internal ulong r12;
    internal ulong r13;
    internal ulong r14;
    internal ulong r15;
    internal ulong rip;
    internal ulong rflags;
}

// asm/kvm.h: struct kvm_segment
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_segment
{
    internal ulong @base;
    internal uint limit;
    internal ushort selector;
    internal byte type;
    internal byte present;
    internal byte dpl;
    internal byte db;
    internal byte s;
    internal byte l;
    internal byte g;
    internal byte avl;
    internal byte unusable;
    internal byte padding;
}

// asm/kvm.h: struct kvm_dtable
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct kvm_dtable
{
    internal ulong @base;
    internal ushort limit;
}

// asm/kvm.h: struct kvm_sregs
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_sregs
{
    internal kvm_segment cs;
    internal kvm_segment ds;
    internal kvm_segment es;
    internal kvm_segment fs;
    internal kvm_segment gs;
    internal kvm_segment ss;
    internal kvm_segment tr;
    internal kvm_segment ldt;
    internal kvm_dtable gdt;
    internal kvm_dtable idt;
    internal ulong cr0;
    internal ulong cr2;
    internal ulong cr3;
    internal ulong cr4;
    internal ulong cr8;
    internal ulong efer;
    internal ulong apic_base;
    internal interrupt_bitmap interrupt_bitmap;
}

[InlineArray(4)]
internal struct interrupt_bitmap
{
    private ulong _first;
}

// asm/kvm.h: struct kvm_fpu
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_fpu
{
    internal fpu_registers fpr;
    internal ushort fcw;
    internal ushort fsw;
    internal byte ftwx;
    internal byte pad1;
    internal ushort last_opcode;
    internal ulong last_ip;
    internal ulong last_dp;
    internal xmm_registers xmm;
    internal uint mxcsr;
    internal uint pad2;
}

[InlineArray(8)]
internal struct fpu_registers
{
    private bytes16 _first;
}

[InlineArray(16)]
internal struct xmm_registers
{
    private bytes16 _first;
}

// asm/kvm.h: struct kvm_msrs, before its entries
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_msrs
{
    internal uint nmsrs;
    internal uint pad;
}

// asm/kvm.h: struct kvm_msr_entry
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_msr_entry
{
    internal uint index;
    internal uint reserved;
    internal ulong data;
}

// linux/kvm.h: struct kvm_signal_mask, before its set
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_signal_mask
{
    internal uint len;
}

// linux/kvm.h: struct kvm_mp_state
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_mp_state
{
    internal uint mp_state;
}
