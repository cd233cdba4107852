using Crisp.Linux.Interop;
using Tmds.Linux;

namespace Crisp.Linux;

public static partial class Files
{
    /// <summary>fchownat(2) on the open file itself, which may be an O_PATH descriptor; -1 leaves an id as it is.</summary>
    public static void Fchown(FileDescriptor file, long owner, long group)
        => Check.Result(Libc.fchownat(file, string.Empty, (uint)owner, (uint)group, AtEmptyPath), "fchownat", file);

    /// <summary>fchownat(2), never following a final symlink.</summary>
    public static void ChownAt(FileDescriptor directory, string path, long owner, long group)
        => Check.Result(Libc.fchownat(directory, path, (uint)owner, (uint)group, AtSymlinkNofollow), "fchownat", path);

    /// <summary>fchmod(2).</summary>
    /// <param name="mode">Permission bits with set-id and sticky bits.</param>
    public static void Fchmod(FileDescriptor file, uint mode) => Check.Result(Libc.fchmod(file, mode), "fchmod", file);

    /// <summary>chmod(2) of an O_PATH descriptor by its name in /proc, since fchmod refuses one (EBADF). Not for symlinks.</summary>
    public static void FchmodPath(FileDescriptor file, uint mode)
        => Check.Result(Libc.chmod(file.ProcPath, mode), "chmod", file);

    /// <summary>utimensat(2), never following a final symlink. An empty path sets the open file's own times.</summary>
    /// <param name="path">Empty, or relative to the directory.</param>
    public static void Utimens(FileDescriptor directory, string path, Timestamp accessed, Timestamp modified)
    {
        // An empty path needs AT_EMPTY_PATH, which works for O_PATH descriptors too since Linux 5.8.
        var flags = path.Length == 0 ? AtEmptyPath : AtSymlinkNofollow;
        // SAFETY: utimensat reads exactly two timespecs, which live on this stack.
        unsafe
        {
            var times = stackalloc timespec[2];
            times[0] = accessed.ToTimespec();
            times[1] = modified.ToTimespec();
            Check.Result(Libc.utimensat(directory, path, times, flags), "utimensat", directory, path);
        }
    }

    /// <summary>fsetxattr(2).</summary>
    public static void SetXattr(FileDescriptor file, string name, ReadOnlySpan<byte> value)
    {
        // SAFETY: the value is pinned for the call, which reads its length.
        unsafe
        {
            fixed (byte* bytes = value)
            {
                if (Libc.fsetxattr(file, name, bytes, value.Length, 0) == -1)
                {
                    throw XattrError("fsetxattr", Check.LastError, file, name);
                }
            }
        }
    }

    /// <summary>
    /// lsetxattr(2) of what an O_PATH descriptor names: fsetxattr refuses such a descriptor (EBADF), and a symlink cannot
    /// be opened in another way. The directory is named by /proc/self/fd, the last part is not followed.
    /// </summary>
    public static void SetXattrAt(FileDescriptor directory, string name, string attribute, ReadOnlySpan<byte> value)
    {
        // SAFETY: the value is pinned for the call, which reads its length.
        unsafe
        {
            fixed (byte* bytes = value)
            {
                Check.Result(
                    Libc.lsetxattr(OneName(directory, name), attribute, bytes, value.Length, 0), "lsetxattr", $"{name} ({attribute})");
            }
        }
    }

    /// <summary>fgetxattr(2), or null when there is no such attribute.</summary>
    public static byte[]? GetXattr(FileDescriptor file, string name)
    {
        // XATTR_SIZE_MAX of xattr(7) is 64 KiB, so that one call is enough.
        var value = new byte[65536];
        // SAFETY: the array is pinned for the call, which writes at most its length.
        unsafe
        {
            fixed (byte* bytes = value)
            {
                var length = Libc.fgetxattr(file, name, bytes, value.Length);
                var errno = Check.LastError;
                if (length == -1 && errno == Errno.ENODATA)
                {
                    return null;
                }

                return length >= 0 ? value[..(int)length] : throw XattrError("fgetxattr", errno, file, name);
            }
        }
    }

    /// <summary>flistxattr(2): the names of a file's extended attributes.</summary>
    public static string[] ListXattrs(FileDescriptor file)
    {
        var list = new byte[65536];
        // SAFETY: the array is pinned for the call, which writes at most its length.
        unsafe
        {
            fixed (byte* bytes = list)
            {
                var length = Check.Result(Libc.flistxattr(file, bytes, list.Length), "flistxattr", file);
                return LinuxPath.Decode(list.AsSpan(0, (int)length)).Split('\0', StringSplitOptions.RemoveEmptyEntries);
            }
        }
    }

    private static LinuxException XattrError(string call, Errno errno, FileDescriptor file, string name)
        => new(call, errno, $"{NameOf(file)} ({name})");

    private static string OneName(FileDescriptor directory, string name)
    {
        return name.Length == 0 || name is "." or ".." || name.Contains('/', StringComparison.Ordinal)
            ? throw new ArgumentException($"\"{name}\" is not the name of one directory entry.", nameof(name))
            : $"{directory.ProcPath}/{name}";
    }
}
