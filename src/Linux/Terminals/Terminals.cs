using Crisp.Linux.Interop;
using Tmds.Linux;

namespace Crisp.Linux;

/// <summary>Pseudoterminals (pts(4), ioctl_tty(2)).</summary>
public static class Terminals
{
    /// <summary>Opens a master of the devpts instance at <paramref name="ptmx"/> and unlocks its slave.</summary>
    public static FileDescriptor OpenMaster(FileDescriptor directory, string ptmx)
    {
        const nuint Tiocsptlck = 0x40045431;
        var master = Files.OpenAt(directory, ptmx, OpenFlags.ReadWrite | OpenFlags.NoTerminal);
        var unlocked = 0;
        // SAFETY: TIOCSPTLCK reads one int, which lives on this stack.
        unsafe
        {
            if (Libc.ioctl(master, Tiocsptlck, &unlocked) == -1)
            {
                var errno = Check.LastError;
                master.Dispose();
                throw new LinuxException("ioctl", errno, "TIOCSPTLCK");
            }
        }

        return master;
    }

    /// <summary>TIOCGPTPEER (Linux 4.13): the slave itself, without trusting any /dev/pts path (CVE-2016-2779 and its kin).</summary>
    public static FileDescriptor OpenPeer(FileDescriptor master)
    {
        const nuint Tiocgptpeer = 0x5441;
        // SAFETY: the argument is a number, the open flags, and not dereferenced.
        unsafe
        {
            var flags = (void*)(nint)(OpenFlags.ReadWrite | OpenFlags.NoTerminal | OpenFlags.CloseOnExec);
            return new FileDescriptor(Check.Result(Libc.ioctl(master, Tiocgptpeer, flags), "ioctl", "TIOCGPTPEER"));
        }
    }

    /// <summary>TIOCSWINSZ: the kernel sends SIGWINCH to the foreground process group.</summary>
    public static void Resize(FileDescriptor terminal, ushort columns, ushort rows)
    {
        const nuint Tiocswinsz = 0x5414;
        // SAFETY: the kernel reads one winsize, which lives on this stack.
        unsafe
        {
            var size = new winsize { ws_col = columns, ws_row = rows };
            Check.Result(Libc.ioctl(terminal, Tiocswinsz, &size), "ioctl", "TIOCSWINSZ");
        }
    }

    /// <summary>TIOCGWINSZ.</summary>
    public static (ushort Columns, ushort Rows) GetSize(FileDescriptor terminal)
    {
        const nuint Tiocgwinsz = 0x5413;
        // SAFETY: the kernel fills one winsize, which lives on this stack.
        unsafe
        {
            winsize size;
            Check.Result(Libc.ioctl(terminal, Tiocgwinsz, &size), "ioctl", "TIOCGWINSZ");
            return (size.ws_col, size.ws_row);
        }
    }
}
