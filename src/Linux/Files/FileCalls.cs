using System.Buffers.Text;
using Crisp.Linux.Interop;
using timespec = Tmds.Linux.timespec;

namespace Crisp.Linux;

/// <summary>
/// System calls on files for servers of files: names are bytes that end with a NUL, as the other side sent them, and the result is
/// an error number. Nothing is thrown, since a missing file is an everyday answer.
/// </summary>
/// <remarks>
/// What a descriptor of O_PATH cannot be used for is done through its number in /proc/self/fd, which must be the calling thread's
/// working directory: <see cref="FileThread.Enter"/> sees to that.
/// </remarks>
public static partial class FileCalls
{
    private const int AtSymlinkNofollow = 0x100;
    private const int AtRemovedir = 0x200;
    private const int AtSymlinkFollow = 0x400;
    private const int AtEmptyPath = 0x1000;

    /// <summary>The empty name: the descriptor itself.</summary>
    public static ReadOnlySpan<byte> Itself => "\0"u8;

    /// <summary>openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS: nothing leads out of the directory.</summary>
    /// <param name="name">One component.</param>
    public static unsafe Errno OpenBeneath(FileDescriptor directory, ReadOnlySpan<byte> name, OpenFlags flags, uint mode, out FileDescriptor? file)
    {
        const ResolveFlags Resolve = ResolveFlags.Beneath | ResolveFlags.NoSymlinks | ResolveFlags.NoMagicLinks;
        var how = new open_how { flags = (ulong)(flags | OpenFlags.CloseOnExec), mode = mode, resolve = (ulong)Resolve };
        nint number;
        do
        {
            // SAFETY: the name ends with a NUL and is pinned for the call; how lives on this stack.
            fixed (byte* path = Terminated(name))
            {
                number = Libc.openat2((int)SystemCall.openat2, directory, path, &how, sizeof(open_how));
            }
        }
        while (number == -1 && Check.LastError == Errno.EINTR);

        file = number >= 0 ? new FileDescriptor((int)number) : null;
        return Result(number);
    }

    /// <summary>Opens once more, with other flags, what a descriptor of O_PATH names. Never for what blocks or acts when it is opened.</summary>
    public static unsafe Errno Reopen(FileDescriptor file, OpenFlags flags, out FileDescriptor? opened)
    {
        Span<byte> name = stackalloc byte[12];
        Number(file, name);
        int number;
        do
        {
            // SAFETY: the number ends with a NUL and lies on this stack.
            fixed (byte* path = name)
            {
                number = Libc.openat(FileDescriptor.CurrentDirectory, path, (int)(flags | OpenFlags.CloseOnExec), 0);
            }
        }
        while (number == -1 && Check.LastError == Errno.EINTR);

        opened = number >= 0 ? new FileDescriptor(number) : null;
        return Result(number);
    }

    /// <summary>statx(2), never following a symlink.</summary>
    public static unsafe Errno Status(FileDescriptor directory, ReadOnlySpan<byte> name, out InodeAttributes attributes)
    {
        const uint BasicStats = 0x7FF;
        const uint MntId = 0x1000;
        statx s;
        int result;
        // SAFETY: the name ends with a NUL and is pinned; statx fills the 256 bytes of the structure on this stack.
        fixed (byte* path = Terminated(name))
        {
            result = Libc.statx(directory, path, AtEmptyPath | AtSymlinkNofollow, BasicStats | MntId, &s);
        }

        attributes = result == 0 ? new InodeAttributes(s) : default;
        return Result(result);
    }

    /// <summary>mkdirat(2).</summary>
    public static unsafe Errno MakeDirectory(FileDescriptor directory, ReadOnlySpan<byte> name, uint mode)
    {
        // SAFETY: the name ends with a NUL and is pinned for the call.
        fixed (byte* path = Terminated(name))
        {
            return Result(Libc.mkdirat(directory, path, mode));
        }
    }

    /// <summary>mknodat(2).</summary>
    /// <param name="mode">Type and permission bits.</param>
    /// <param name="device">As makedev(3) has it; 0 for what is no device.</param>
    public static unsafe Errno MakeNode(FileDescriptor directory, ReadOnlySpan<byte> name, uint mode, ulong device)
    {
        // SAFETY: the name ends with a NUL and is pinned for the call.
        fixed (byte* path = Terminated(name))
        {
            return Result(Libc.mknodat(directory, path, mode, device));
        }
    }

    /// <summary>symlinkat(2).</summary>
    public static unsafe Errno MakeSymlink(ReadOnlySpan<byte> target, FileDescriptor directory, ReadOnlySpan<byte> name)
    {
        // SAFETY: both end with a NUL and are pinned for the call.
        fixed (byte* content = Terminated(target), path = Terminated(name))
        {
            return Result(Libc.symlinkat(content, directory, path));
        }
    }

    /// <summary>readlinkat(2) of the symlink that the descriptor itself is.</summary>
    public static unsafe Errno ReadSymlink(FileDescriptor symlink, Span<byte> target, out int length)
    {
        // SAFETY: the buffer is pinned for the call, which writes at most its length.
        fixed (byte* path = Itself, bytes = target)
        {
            length = (int)Libc.readlinkat(symlink, path, bytes, target.Length);
        }

        return Result(length);
    }

    /// <summary>linkat(2): one more name for what the descriptor names.</summary>
    public static unsafe Errno Link(FileDescriptor file, FileDescriptor directory, ReadOnlySpan<byte> name)
    {
        Span<byte> number = stackalloc byte[12];
        Number(file, number);
        // SAFETY: both end with a NUL and stay where they are for the call.
        fixed (byte* old = number, path = Terminated(name))
        {
            return Result(Libc.linkat(FileDescriptor.CurrentDirectory, old, directory, path, AtSymlinkFollow));
        }
    }

    /// <summary>unlinkat(2).</summary>
    public static unsafe Errno Unlink(FileDescriptor directory, ReadOnlySpan<byte> name, bool isDirectory)
    {
        // SAFETY: the name ends with a NUL and is pinned for the call.
        fixed (byte* path = Terminated(name))
        {
            return Result(Libc.unlinkat(directory, path, isDirectory ? AtRemovedir : 0));
        }
    }

    /// <summary>renameat2(2).</summary>
    public static unsafe Errno Rename(
        FileDescriptor directory, ReadOnlySpan<byte> name, FileDescriptor newDirectory, ReadOnlySpan<byte> newName, RenameFlags flags)
    {
        // SAFETY: both names end with a NUL and are pinned for the call.
        fixed (byte* from = Terminated(name), to = Terminated(newName))
        {
            return Result(Libc.renameat2(directory, from, newDirectory, to, (uint)flags));
        }
    }

    /// <summary>fchownat(2) of the descriptor itself; uint.MaxValue leaves an id as it is.</summary>
    public static unsafe Errno Chown(FileDescriptor file, uint owner, uint group)
    {
        // SAFETY: the empty name is a constant.
        fixed (byte* path = Itself)
        {
            return Result(Libc.fchownat(file, path, owner, group, AtEmptyPath));
        }
    }

    /// <summary>fchmodat(2) of what a descriptor of O_PATH names. Not for symlinks, which have no mode.</summary>
    public static unsafe Errno Chmod(FileDescriptor file, uint mode)
    {
        Span<byte> number = stackalloc byte[12];
        Number(file, number);
        // SAFETY: the number ends with a NUL and lies on this stack.
        fixed (byte* path = number)
        {
            return Result(Libc.fchmodat(FileDescriptor.CurrentDirectory, path, mode, 0));
        }
    }

    /// <summary>utimensat(2) of the descriptor itself, which may be one of O_PATH (Linux 5.8).</summary>
    public static unsafe Errno SetTimes(FileDescriptor file, Timestamp accessed, Timestamp modified)
    {
        var times = stackalloc timespec[] { accessed.ToTimespec(), modified.ToTimespec() };
        // SAFETY: utimensat reads two timespecs, which live on this stack.
        fixed (byte* path = Itself)
        {
            return Result(Libc.utimensat(file, path, times, AtEmptyPath));
        }
    }

    /// <summary>fstatfs(2).</summary>
    public static unsafe Errno FilesystemStatus(FileDescriptor file, out FilesystemAttributes attributes)
    {
        statfs s;
        // SAFETY: fstatfs fills the structure, which lives on this stack.
        var result = Libc.fstatfs(file, &s);
        attributes = result == 0 ? new FilesystemAttributes(s) : default;
        return Result(result);
    }

    private static Errno Result(nint result) => result == -1 ? Check.LastError : Errno.None;

    private static ReadOnlySpan<byte> Terminated(ReadOnlySpan<byte> name)
        => name.Length > 0 && name[^1] == 0 ? name : throw new ArgumentException("A name for the kernel must end with a NUL.", nameof(name));

    /// <summary>The descriptor's name in /proc/self/fd. The caller keeps the descriptor open.</summary>
    private static void Number(FileDescriptor file, Span<byte> name)
    {
        Utf8Formatter.TryFormat(file.Number, name, out var length);
        name[length] = 0;
    }
}
