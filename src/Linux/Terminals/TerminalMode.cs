using System.Buffers.Binary;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>How a terminal treats what goes through it: the kernel's struct termios (ioctl_tty(2)), four flag words first.</summary>
public sealed class TerminalMode
{
    // sizeof(struct termios) of asm-generic/termbits.h: c_iflag, c_oflag, c_cflag, c_lflag, c_line, c_cc[19].
    private const int Size = 36;
    private const int ControlCharacters = 17;
    private readonly byte[] _termios;

    private TerminalMode(byte[] termios) => _termios = termios;

    /// <summary>TCGETS.</summary>
    /// <exception cref="LinuxException">ENOTTY: no terminal.</exception>
    public static TerminalMode Get(FileDescriptor terminal)
    {
        const nuint Tcgets = 0x5401;
        var termios = new byte[Size];
        // SAFETY: the kernel fills one termios, and the array is pinned and as long as that.
        unsafe
        {
            fixed (byte* bytes = termios)
            {
                Check.Result(Libc.ioctl(terminal, Tcgets, bytes), "ioctl", "TCGETS");
            }
        }

        return new TerminalMode(termios);
    }

    /// <summary>TCSETSW: once what was written before is out.</summary>
    public static void Set(FileDescriptor terminal, TerminalMode mode)
    {
        const nuint Tcsetsw = 0x5403;
        // SAFETY: the kernel reads one termios, and the array is pinned and as long as that.
        unsafe
        {
            fixed (byte* bytes = mode._termios)
            {
                Check.Result(Libc.ioctl(terminal, Tcsetsw, bytes), "ioctl", "TCSETSW");
            }
        }
    }

    /// <summary>The same without any treatment: no lines, no echo, no signals, no translation (cfmakeraw(3)).</summary>
    public TerminalMode ToRaw()
    {
        const uint InputTreatment = 0x5EB; // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
        const uint OutputTreatment = 0x1; // OPOST
        const uint SizeAndParity = 0x130; // CSIZE PARENB
        const uint EightBits = 0x30; // CS8
        const uint Local = 0x804B; // ISIG ICANON ECHO ECHONL IEXTEN
        const int MinimumOfRead = 6; // VMIN
        const int TimeOfRead = 5; // VTIME
        var raw = (byte[])_termios.Clone();
        Change(raw, 0, InputTreatment, 0);
        Change(raw, 4, OutputTreatment, 0);
        Change(raw, 8, SizeAndParity, EightBits);
        Change(raw, 12, Local, 0);
        raw[ControlCharacters + MinimumOfRead] = 1;
        raw[ControlCharacters + TimeOfRead] = 0;
        return new TerminalMode(raw);
    }

    private static void Change(byte[] termios, int offset, uint clear, uint set)
    {
        var word = termios.AsSpan(offset, sizeof(uint));
        BinaryPrimitives.WriteUInt32LittleEndian(word, (BinaryPrimitives.ReadUInt32LittleEndian(word) & ~clear) | set);
    }
}
