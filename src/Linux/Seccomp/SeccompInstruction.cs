using System.Runtime.InteropServices;

namespace Crisp.Linux.Seccomp;

/// <summary>One classic BPF instruction, struct sock_filter of linux/filter.h.</summary>
/// <param name="Code">Class, size and mode, or class, source and operation.</param>
/// <param name="JumpTrue">Instructions to skip when a comparison holds.</param>
/// <param name="JumpFalse">Instructions to skip when it does not.</param>
/// <param name="Constant">What is loaded, compared with or returned, or the length of an unconditional jump.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct SeccompInstruction(ushort Code, byte JumpTrue, byte JumpFalse, uint Constant)
{
    // linux/bpf_common.h: BPF_LD|BPF_W|BPF_ABS, BPF_ALU|BPF_AND|BPF_K, BPF_JMP|BPF_JA, BPF_JMP|BPF_JEQ|BPF_K,
    // BPF_JMP|BPF_JGT|BPF_K, BPF_JMP|BPF_JGE|BPF_K, BPF_RET|BPF_K.
    public const ushort Load = 0x20;
    public const ushort And = 0x54;
    public const ushort Jump = 0x05;
    public const ushort JumpEqual = 0x15;
    public const ushort JumpGreater = 0x25;
    public const ushort JumpGreaterOrEqual = 0x35;
    public const ushort Return = 0x06;

    public SeccompInstruction(ushort code, uint constant)
        : this(code, 0, 0, constant)
    {
    }
}
