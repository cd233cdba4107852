using System.Runtime.InteropServices;
using Crisp.Kvm.Boot;
using Crisp.Kvm.Devices.Virtio.Rng;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio;

/// <summary>A guest's own instructions reach a device, through memory-mapped I/O and an ioeventfd.</summary>
public sealed class VirtioGuestTests
{
    [Fact]
    public void Guest_DrivesADevice_WithoutAnExitForItsNotice()
    {
        byte[] code =
        [
            0xBE, 0x00, 0x00, 0x20, 0x00,             //    mov  esi, 0x200000   a table of addresses and values
            0xAD,                                     // 1: lodsd
            0x85, 0xC0,                               //    test eax, eax
            0x74, 0x07,                               //    jz   2f
            0x89, 0xC3,                               //    mov  ebx, eax
            0xAD,                                     //    lodsd
            0x89, 0x03,                               //    mov  [ebx], eax
            0xEB, 0xF4,                               //    jmp  1b
            0x66, 0x83, 0x3D, 0x02, 0x30, 0x30, 0x00, 0x01, // 2: cmp  word [0x303002], 1   the used index
            0x75, 0xF6,                               //    jne  2b
            0xF4,                                     //    hlt
        ];
        const uint Base = 0xD000_0000;
        (uint Register, uint Value)[] writes =
        [
            (0x70, 1), (0x70, 3), (0x24, 1), (0x20, 1), (0x70, 11),
            (0x30, 0), (0x38, 8), (0x80, 0x30_1000), (0x90, 0x30_2000), (0xA0, 0x30_3000), (0x44, 1), (0x70, 15),
            (0x50, 0),
        ];
        using var guest = new TestGuest(code, EntryMode.Protected);
        guest.Machine.AddVirtio(new VirtioRng());
        var memory = guest.Machine.Memory;
        MemoryMarshal.AsBytes(writes.SelectMany(w => new[] { Base + w.Register, w.Value }).ToArray().AsSpan()).CopyTo(memory.Slice(0x20_0000, writes.Length * 8));
        // One descriptor of 64 bytes to write to at 0x304000, and it is available.
        MemoryMarshal.Write(memory.Slice(0x30_1000, 8), 0x30_4000UL);
        MemoryMarshal.Write(memory.Slice(0x30_1008, 4), 64U);
        MemoryMarshal.Write(memory.Slice(0x30_100C, 2), (ushort)2);
        MemoryMarshal.Write(memory.Slice(0x30_2002, 2), (ushort)1);

        Assert.Equal(VmOutcome.Halted, guest.Run().Outcome);

        Assert.InRange(memory.Slice(0x30_4000, 64).ToArray().Distinct().Count(), 16, 64);
        Assert.Equal(writes.Length - 1, guest.Machine.Report().Vcpus[0].Exits["mmio"]);
    }
}
