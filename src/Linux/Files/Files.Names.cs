using System.Buffers;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>The file type bits of st_mode (inode(7)).</summary>
public enum FileType : uint
{
    Fifo = 0x1000,
    CharacterDevice = 0x2000,
    Directory = 0x4000,
    BlockDevice = 0x6000,
    Regular = 0x8000,
    Symlink = 0xA000,
    Socket = 0xC000,
}

/// <summary>Flags of renameat2(2).</summary>
[Flags]
public enum RenameFlags : uint
{
    None = 0,
    NoReplace = 1,
    Exchange = 2,
    Whiteout = 4,
}

public static partial class Files
{
    private const int AtSymlinkNofollow = 0x100;
    private const int AtRemovedir = 0x200;
    private const int AtEmptyPath = 0x1000;

    /// <summary>mkdirat(2).</summary>
    public static void MkdirAt(FileDescriptor directory, string path, uint mode)
        => Check.Result(Libc.mkdirat(directory, path, mode), "mkdirat", path);

    /// <summary>mknodat(2).</summary>
    /// <param name="mode">Permission bits.</param>
    /// <param name="major">0 for what is not a device.</param>
    public static void MknodAt(FileDescriptor directory, string path, FileType type, uint mode, uint major = 0, uint minor = 0)
        => Check.Result(Libc.mknodat(directory, path, (uint)type | mode, MakeDevice(major, minor)), "mknodat", path);

    /// <summary>symlinkat(2).</summary>
    public static void SymlinkAt(string target, FileDescriptor directory, string path)
        => Check.Result(Libc.symlinkat(target, directory, path), "symlinkat", path);

    /// <summary>readlinkat(2); an empty path reads the symlink that the descriptor itself is.</summary>
    public static string ReadlinkAt(FileDescriptor directory, string path)
    {
        const int PathMax = 4096;
        Span<byte> target = stackalloc byte[PathMax];
        nint length;
        // SAFETY: the buffer is on this stack, and the call writes at most its length.
        unsafe
        {
            fixed (byte* bytes = target)
            {
                length = Libc.readlinkat(directory, path, bytes, target.Length);
            }
        }

        Check.Result(length, "readlinkat", directory, path);
        return LinuxPath.Decode(target[..(int)length]);
    }

    /// <summary>For error messages: the path of an open file as /proc/self/fd has it, otherwise <c>fd 7</c>.</summary>
    internal static string NameOf(FileDescriptor file)
    {
        const int PathMax = 4096;
        Span<byte> target = stackalloc byte[PathMax];
        nint length;
        // SAFETY: the buffer is on this stack, and the call writes at most its length.
        unsafe
        {
            fixed (byte* bytes = target)
            {
                length = Libc.readlinkat(FileDescriptor.CurrentDirectory, file.ProcPath, bytes, target.Length);
            }
        }

        return length > 0 ? LinuxPath.Decode(target[..(int)length]) : file.ToString();
    }

    /// <summary>linkat(2), not following a final symlink.</summary>
    public static void LinkAt(FileDescriptor oldDirectory, string oldPath, FileDescriptor newDirectory, string newPath)
        => Check.Result(Libc.linkat(oldDirectory, oldPath, newDirectory, newPath, 0), "linkat", newPath);

    /// <summary>linkat(2) with AT_EMPTY_PATH: gives the open file a name (needs CAP_DAC_READ_SEARCH).</summary>
    public static void LinkAt(FileDescriptor file, FileDescriptor newDirectory, string newPath)
        => Check.Result(Libc.linkat(file, string.Empty, newDirectory, newPath, AtEmptyPath), "linkat", newPath);

    /// <summary>unlinkat(2): removes a name that is no directory.</summary>
    public static void UnlinkAt(FileDescriptor directory, string path)
        => Check.Result(Libc.unlinkat(directory, path, 0), "unlinkat", path);

    /// <summary>unlinkat(2) of what may be gone already, which is success.</summary>
    public static void UnlinkIfThere(FileDescriptor directory, string path)
    {
        if (Libc.unlinkat(directory, path, 0) != 0 && Check.LastError is var errno && errno != Errno.ENOENT)
        {
            throw new LinuxException("unlinkat", errno, path);
        }
    }

    /// <summary>unlinkat(2) with AT_REMOVEDIR: removes an empty directory.</summary>
    public static void RmdirAt(FileDescriptor directory, string path)
        => Check.Result(Libc.unlinkat(directory, path, AtRemovedir), "unlinkat", path);

    /// <summary>renameat2(2).</summary>
    public static void RenameAt2(
        FileDescriptor oldDirectory, string oldPath, FileDescriptor newDirectory, string newPath, RenameFlags flags = RenameFlags.None)
        => Check.Result(Libc.renameat2(oldDirectory, oldPath, newDirectory, newPath, (uint)flags), "renameat2", newPath);

    /// <summary>
    /// Whether the filesystem stores the type of entries in their directory (d_type of getdents64(2)), as an overlay needs it.
    /// </summary>
    /// <param name="directory">Holds at least one entry whose name begins with no dot.</param>
    public static bool HasEntryTypes(FileDescriptor directory)
    {
        const byte DtUnknown = 0;
        var buffer = new byte[4096];
        Seek(directory, 0);
        for (int length; (length = ReadEntries(directory, buffer)) > 0;)
        {
            for (var rest = buffer.AsSpan(0, length); DirectoryEntry.TryTake(ref rest, out var entry);)
            {
                // "." and ".." are told even by filesystems that do not store it.
                if (entry.Name[0] != '.')
                {
                    return entry.Type != DtUnknown;
                }
            }
        }

        throw new ArgumentException("The directory is empty.", nameof(directory));
    }

    /// <summary>getdents64(2): the names in an open directory, without "." and "..", in the filesystem's order.</summary>
    public static List<string> ReadDirectory(FileDescriptor directory)
    {
        var names = new List<string>();
        var buffer = ArrayPool<byte>.Shared.Rent(32 * 1024);
        try
        {
            Seek(directory, 0);
            for (int length; (length = ReadEntries(directory, buffer)) > 0;)
            {
                for (var rest = buffer.AsSpan(0, length); DirectoryEntry.TryTake(ref rest, out var entry);)
                {
                    if (!entry.IsDot)
                    {
                        names.Add(LinuxPath.Decode(entry.Name[..^1]));
                    }
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return names;
    }

    /// <summary>makedev(3), in the encoding of glibc.</summary>
    public static ulong MakeDevice(uint major, uint minor)
        => ((ulong)(major & 0xFFFFF000) << 32) | ((major & 0xFFFUL) << 8) | ((ulong)(minor & 0xFFFFFF00) << 12) | (minor & 0xFFUL);

    /// <summary>major(3), of glibc's encoding.</summary>
    public static uint Major(ulong device) => (uint)((device >> 32) & 0xFFFFF000) | (uint)((device >> 8) & 0xFFF);

    /// <summary>minor(3), of glibc's encoding.</summary>
    public static uint Minor(ulong device) => (uint)((device >> 12) & 0xFFFFFF00) | (uint)(device & 0xFF);

    /// <summary>getdents64(2): bytes read, 0 at the end, -1 and the error number.</summary>
    internal static int TryReadEntries(FileDescriptor directory, byte[] buffer, out Errno errno)
    {
        int length;
        // SAFETY: the array is pinned for the call, which writes at most its length.
        unsafe
        {
            fixed (byte* bytes = buffer)
            {
                length = (int)Libc.getdents64(directory, bytes, buffer.Length);
            }
        }

        errno = length == -1 ? Check.LastError : Errno.None;
        return length;
    }

    private static int ReadEntries(FileDescriptor directory, byte[] buffer)
    {
        var length = TryReadEntries(directory, buffer, out var errno);
        return length >= 0 ? length : throw Check.Error("getdents64", errno, directory);
    }
}
