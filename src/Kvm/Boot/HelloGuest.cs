namespace Crisp.Kvm.Boot;

/// <summary>The smallest guest that proves that virtual machines work: it says so on its serial port, and halts.</summary>
public static class HelloGuest
{
    /// <summary>What it says.</summary>
    public const string Text = "Hello from VM\n";

    /// <summary>For protected or long mode, where the same bytes mean the same, at the usual address.</summary>
    public static ReadOnlySpan<byte> Image =>
    [
        0xFC,                         //      cld
        0xBE, 0x14, 0x00, 0x10, 0x00, //      mov  esi, 0x100014
        0xB9, 14, 0x00, 0x00, 0x00,   //      mov  ecx, 14
        0x66, 0xBA, 0xF8, 0x03,       //      mov  dx, 0x3F8
        0xAC,                         // 1:   lodsb
        0xEE,                         //      out  dx, al
        0xE2, 0xFC,                   //      loop 1b
        0xF4,                         //      hlt
        (byte)'H', (byte)'e', (byte)'l', (byte)'l', (byte)'o', (byte)' ', (byte)'f', (byte)'r', (byte)'o', (byte)'m', (byte)' ', (byte)'V', (byte)'M', (byte)'\n',
    ];
}
