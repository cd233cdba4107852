using System.Runtime.InteropServices;

namespace Crisp.Linux;

/// <summary>One eBPF instruction, struct bpf_insn of linux/bpf.h.</summary>
/// <param name="Code">Class, size and mode, or class, source and operation.</param>
/// <param name="Registers">The destination in the low four bits, the source in the high four.</param>
/// <param name="Offset">Of a jump in instructions, or of a memory access in bytes.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct BpfInstruction(byte Code, byte Registers, short Offset, int Immediate);
