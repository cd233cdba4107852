using System.Globalization;

namespace Crisp.Linux.Plans;

/// <summary>The kernel's names for the numbers in a plan, without the prefix of their family.</summary>
internal static class SymbolTable
{
    private static readonly (long, string)[] s_open =
    [
        (0x1, "WRONLY"), (0x2, "RDWR"), (0x40, "CREAT"), (0x80, "EXCL"), (0x100, "NOCTTY"), (0x200, "TRUNC"), (0x400, "APPEND"),
        (0x800, "NONBLOCK"), (0x410000, "TMPFILE"), (0x10000, "DIRECTORY"), (0x20000, "NOFOLLOW"), (0x80000, "CLOEXEC"),
        (0x200000, "PATH"),
    ];

    private static readonly (long, string)[] s_resolve =
        [(1, "NO_XDEV"), (2, "NO_MAGICLINKS"), (4, "NO_SYMLINKS"), (8, "BENEATH"), (16, "IN_ROOT")];

    private static readonly (long, string)[] s_at =
        [(0x100, "SYMLINK_NOFOLLOW"), (0x200, "REMOVEDIR"), (0x1000, "EMPTY_PATH"), (0x8000, "RECURSIVE")];

    private static readonly (long, string)[] s_mountAttributes =
    [
        (0x1, "RDONLY"), (0x2, "NOSUID"), (0x4, "NODEV"), (0x8, "NOEXEC"), (0x10, "NOATIME"), (0x20, "STRICTATIME"),
        (0x80, "NODIRATIME"), (0x100000, "IDMAP"), (0x200000, "NOSYMFOLLOW"),
    ];

    private static readonly (long, string)[] s_openTree =
        [(0x1, "CLONE"), (0x100, "SYMLINK_NOFOLLOW"), (0x1000, "EMPTY_PATH"), (0x8000, "RECURSIVE"), (0x80000, "CLOEXEC")];

    private static readonly (long, string)[] s_moveMount =
        [(0x1, "F_SYMLINKS"), (0x4, "F_EMPTY_PATH"), (0x10, "T_SYMLINKS"), (0x40, "T_EMPTY_PATH")];

    private static readonly (long, string)[] s_mount =
    [
        (0x1, "RDONLY"), (0x2, "NOSUID"), (0x4, "NODEV"), (0x8, "NOEXEC"), (0x20, "REMOUNT"), (0x1000, "BIND"), (0x2000, "MOVE"),
        (0x4000, "REC"), (0x8000, "SILENT"), (0x20000, "UNBINDABLE"), (0x40000, "PRIVATE"), (0x80000, "SLAVE"), (0x100000, "SHARED"),
    ];

    private static readonly (long, string)[] s_namespaces =
    [
        (0x20000, "NEWNS"), (0x2000000, "NEWCGROUP"), (0x4000000, "NEWUTS"), (0x8000000, "NEWIPC"), (0x10000000, "NEWUSER"),
        (0x20000000, "NEWPID"), (0x40000000, "NEWNET"),
    ];

    internal static string Format(long value, ArgumentFormat format) => format switch
    {
        ArgumentFormat.Descriptor => value == -100 ? "AT_FDCWD" : Decimal(value),
        ArgumentFormat.Octal => value == 0 ? "0" : "0" + Convert.ToString(value, 8),
        ArgumentFormat.Hexadecimal => $"0x{value:x}",
        ArgumentFormat.Pointer => value == 0 ? "NULL" : $"0x{value:x}",
        ArgumentFormat.Milliseconds => $"{value} ms",
        ArgumentFormat.OpenFlags => (value & 0x200003) == 0 ? Flags(value, s_open, "RDONLY") : Flags(value, s_open),
        ArgumentFormat.ResolveFlags => Flags(value, s_resolve),
        ArgumentFormat.AtFlags => Flags(value, s_at),
        ArgumentFormat.MountAttributes => Flags(value, s_mountAttributes),
        ArgumentFormat.OpenTreeFlags => Flags(value, s_openTree),
        ArgumentFormat.MoveMountFlags => Flags(value, s_moveMount),
        ArgumentFormat.MountFlags => Flags(value, s_mount),
        ArgumentFormat.UnmountFlags => Flags(value, [(1, "FORCE"), (2, "DETACH"), (8, "NOFOLLOW")]),
        ArgumentFormat.NamespaceFlags => Flags(value, s_namespaces),
        ArgumentFormat.FsOpenFlags or ArgumentFormat.FsMountFlags => Flags(value, [(1, "CLOEXEC")]),
        ArgumentFormat.CloseRangeFlags => Flags(value, [(2, "UNSHARE"), (4, "CLOEXEC")]),
        ArgumentFormat.SeccompFlags => Flags(value, [(1, "TSYNC"), (2, "LOG"), (4, "SPEC_ALLOW")]),
        ArgumentFormat.FsConfigCommand => One(
            value, [(0, "SET_FLAG"), (1, "SET_STRING"), (3, "SET_PATH"), (5, "SET_FD"), (6, "CMD_CREATE"), (7, "CMD_RECONFIGURE")]),
        ArgumentFormat.Prctl => One(
            value, [(1, "SET_PDEATHSIG"), (4, "SET_DUMPABLE"), (8, "SET_KEEPCAPS"), (15, "SET_NAME"), (24, "CAPBSET_DROP"), (38, "SET_NO_NEW_PRIVS"), (47, "CAP_AMBIENT")]),
        ArgumentFormat.CapabilityAmbient => One(value, [(2, "RAISE"), (3, "LOWER"), (4, "CLEAR_ALL")]),
        ArgumentFormat.SeccompOperation => One(value, [(1, "SET_MODE_FILTER")]),
        ArgumentFormat.Keyctl => One(value, [(1, "JOIN_SESSION_KEYRING")]),
        ArgumentFormat.Ioctl => One(
            value, [(0x540E, "TIOCSCTTY"), (0x5441, "TIOCGPTPEER"), (0x8914, "SIOCSIFFLAGS"), (0x40045431, "TIOCSPTLCK")]),
        ArgumentFormat.SignalMaskOperation => One(value, [(0, "BLOCK"), (1, "UNBLOCK"), (2, "SETMASK")]),
        ArgumentFormat.Capability => CapabilitySet.NameOf((int)value),
        ArgumentFormat.Rlimit => ResourceLimits.NameOf((int)value)["RLIMIT_".Length..],
        ArgumentFormat.FileMode => FileMode(value),
        ArgumentFormat.Device => Device((ulong)value),
        _ => Decimal(value),
    };

    private static string FileMode(long mode)
    {
        var type = One(mode & 0xF000, [(0x1000, "FIFO"), (0x2000, "CHR"), (0x4000, "DIR"), (0x6000, "BLK"), (0x8000, "REG"), (0xC000, "SOCK")]);
        return $"{type}|{Format(mode & 0xFFF, ArgumentFormat.Octal)}";
    }

    // The inverse of Files.MakeDevice.
    private static string Device(ulong device)
    {
        var major = (device >> 32 & 0xFFFFF000) | (device >> 8 & 0xFFF);
        var minor = (device >> 12 & 0xFFFFFF00) | (device & 0xFF);
        return $"{major}:{minor}";
    }

    private static string Decimal(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string One(long value, ReadOnlySpan<(long Value, string Name)> names)
    {
        foreach (var (known, name) in names)
        {
            if (known == value)
            {
                return name;
            }
        }

        return Decimal(value);
    }

    private static string Flags(long value, ReadOnlySpan<(long Bits, string Name)> names, string? first = null)
    {
        var words = new List<string>();
        if (first is not null)
        {
            words.Add(first);
        }

        foreach (var (bits, name) in names)
        {
            if ((value & bits) == bits)
            {
                words.Add(name);
                value &= ~bits;
            }
        }

        if (value != 0 || words.Count == 0)
        {
            words.Add(value == 0 ? "0" : $"0x{value:x}");
        }

        return string.Join('|', words);
    }
}
