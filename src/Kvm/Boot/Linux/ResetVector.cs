using Crisp.Kvm.Memory;

namespace Crisp.Kvm.Boot.Linux;

/// <summary>What lies where a BIOS would begin, F000:FFF0: a few instructions that reset the machine.</summary>
/// <remarks>
/// Linux on hardware-reduced ACPI does not use the FADT's reset register: it asks EFI, which is not there, and then enters the BIOS
/// in real mode (arch/x86/kernel/reboot.c). Without anything there a kernel that restarts, or panics, would run on for ever.
/// </remarks>
internal static class ResetVector
{
    internal const ulong Address = 0xF_FFF0;

    private static ReadOnlySpan<byte> Code =>
    [
        0xB0, 0xFE, //    mov al, 0xFE
        0xE6, 0x64, //    out 0x64, al
        0xF4,       // 1: hlt
        0xEB, 0xFD, //    jmp 1b
    ];

    internal static void Write(GuestMemory memory) => Code.CopyTo(memory.Slice(Address, Code.Length));
}
