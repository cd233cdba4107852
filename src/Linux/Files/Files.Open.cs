using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>Flags of open(2), with the values of x86-64. O_CLOEXEC is always added.</summary>
[Flags]
public enum OpenFlags
{
    ReadOnly = 0,
    WriteOnly = 1,
    ReadWrite = 2,
    Create = 0x40,
    Exclusive = 0x80,
    NoTerminal = 0x100,
    Truncate = 0x200,
    Append = 0x400,
    NonBlocking = 0x800,
    Directory = 0x1_0000,
    NoFollow = 0x2_0000,
    CloseOnExec = 0x8_0000,
    Path = 0x20_0000,
    Temporary = 0x40_0000 | Directory,
}

/// <summary>How openat2(2) walks a path.</summary>
[Flags]
public enum ResolveFlags : ulong
{
    None = 0,
    NoCrossDevice = 0x1,
    NoMagicLinks = 0x2,
    NoSymlinks = 0x4,
    Beneath = 0x8,

    /// <summary>The directory is the root: absolute paths, absolute symlinks and ".." stay inside.</summary>
    InRoot = 0x10,
}

/// <summary>Files and directories by descriptor: open(2), read(2), write(2) and what belongs to them.</summary>
/// <remarks>Every call throws <see cref="LinuxException"/> with the call, its errno and the path.</remarks>
public static partial class Files
{
    /// <summary>open(2).</summary>
    /// <param name="mode">Permission bits of a new file, before the umask.</param>
    public static FileDescriptor Open(string path, OpenFlags flags, uint mode = 0)
        => OpenAt(FileDescriptor.CurrentDirectory, path, flags, mode);

    /// <summary>openat(2).</summary>
    public static FileDescriptor OpenAt(FileDescriptor directory, string path, OpenFlags flags, uint mode = 0)
    {
        int number;
        do
        {
            number = Libc.openat(directory, path, (int)(flags | OpenFlags.CloseOnExec), mode);
        }
        while (number == -1 && Check.LastError == Errno.EINTR);

        return new FileDescriptor(Check.Result(number, "openat", path));
    }

    /// <summary>openat2(2). With <see cref="ResolveFlags.InRoot"/> nothing in the directory can lead out of it.</summary>
    public static FileDescriptor OpenAt2(FileDescriptor directory, string path, OpenFlags flags, ResolveFlags resolve, uint mode = 0)
        => TryOpenAt2(directory, path, flags, resolve, mode, out var errno) ?? throw new LinuxException("openat2", errno, path);

    /// <summary>openat2(2) for callers to whom a missing file is no exception: null and the error number.</summary>
    public static FileDescriptor? TryOpenAt2(
        FileDescriptor directory, string path, OpenFlags flags, ResolveFlags resolve, uint mode, out Errno errno)
    {
        // openat2 refuses what openat ignores: a mode without O_CREAT or O_TMPFILE is EINVAL.
        var how = new open_how { flags = (ulong)(flags | OpenFlags.CloseOnExec), mode = mode, resolve = (ulong)resolve };
        for (var tries = 0; ; tries++)
        {
            nint number;
            // SAFETY: how lives on this stack for the whole call, and its size is the structure's.
            unsafe
            {
                number = Libc.openat2((int)SystemCall.openat2, directory, path, &how, sizeof(open_how));
            }

            errno = number == -1 ? Check.LastError : Errno.None;
            if (number >= 0)
            {
                return new FileDescriptor((int)number);
            }

            // EAGAIN: a rename raced with a walk through "..": openat2(2) says to try again.
            if (errno != Errno.EINTR && (errno != Errno.EAGAIN || tries >= 100))
            {
                return null;
            }
        }
    }
}
