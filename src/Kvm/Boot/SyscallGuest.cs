namespace Crisp.Kvm.Boot;

/// <summary>
/// A guest whose user calls its kernel by SYSCALL (Intel SDM volume 2), which is how Linux's programs do it: the kernel says so on its
/// serial port, and halts.
/// </summary>
/// <remarks>KVM of the processor's own does this; some that emulate the guest's kernel run only flat guests (<see cref="HelloGuest"/>).</remarks>
public static class SyscallGuest
{
    /// <summary>What its kernel says.</summary>
    public const string Text = "Hello from VM\n";

    /// <summary>For long mode, at any address within the first 2 MiB.</summary>
    public static ReadOnlySpan<byte> Image =>
    [
        0x0F, 0x20, 0xD8,                         //         mov     rax, cr3
        0x80, 0x08, 0x04,                         //         or      byte [rax], 4             the first 2 MiB are the user's too
        0x80, 0x88, 0x00, 0x10, 0x00, 0x00, 0x04, //         or      byte [rax + 0x1000], 4
        0x80, 0x88, 0x00, 0x20, 0x00, 0x00, 0x04, //         or      byte [rax + 0x2000], 4
        0x0F, 0x22, 0xD8,                         //         mov     cr3, rax
        0xB9, 0x80, 0x00, 0x00, 0xC0,             //         mov     ecx, 0xC0000080           EFER
        0x0F, 0x32,                               //         rdmsr
        0x0C, 0x01,                               //         or      al, 1                     SCE
        0x0F, 0x30,                               //         wrmsr
        0xFF, 0xC1,                               //         inc     ecx                       STAR: selectors 0x10 and 0x20
        0x31, 0xC0,                               //         xor     eax, eax
        0xBA, 0x10, 0x00, 0x20, 0x00,             //         mov     edx, 0x00200010
        0x0F, 0x30,                               //         wrmsr
        0xFF, 0xC1,                               //         inc     ecx                       LSTAR
        0x8D, 0x05, 0x18, 0x00, 0x00, 0x00,       //         lea     eax, [rip + kernel]
        0x31, 0xD2,                               //         xor     edx, edx
        0x0F, 0x30,                               //         wrmsr
        0x48, 0x8D, 0x0D, 0x09, 0x00, 0x00, 0x00, //         lea     rcx, [rip + user]
        0x41, 0xBB, 0x02, 0x00, 0x00, 0x00,       //         mov     r11d, 2
        0x48, 0x0F, 0x07,                         //         sysretq
        0x0F, 0x05,                               // user:   syscall
        0x0F, 0x0B,                               //         ud2
        0xFC,                                     // kernel: cld
        0x48, 0x8D, 0x35, 0x0E, 0x00, 0x00, 0x00, //         lea     rsi, [rip + text]
        0xB9, 14, 0x00, 0x00, 0x00,               //         mov     ecx, 14
        0x66, 0xBA, 0xF8, 0x03,                   //         mov     dx, 0x3F8
        0xAC,                                     // 1:      lodsb
        0xEE,                                     //         out     dx, al                    a fault for anyone but a kernel
        0xE2, 0xFC,                               //         loop    1b
        0xF4,                                     //         hlt
        (byte)'H', (byte)'e', (byte)'l', (byte)'l', (byte)'o', (byte)' ', (byte)'f', (byte)'r', (byte)'o', (byte)'m', (byte)' ', (byte)'V', (byte)'M', (byte)'\n',
    ];
}
