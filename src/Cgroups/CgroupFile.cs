using System.Text;
using Crisp.Linux;

namespace Crisp.Cgroups;

/// <summary>Files of cgroupfs: each value in one write(2), each error with file, value and errno.</summary>
internal static class CgroupFile
{
    private const int Largest = 1 << 22;

    /// <summary>Writes a value. What follows from an error number is the caller's knowledge.</summary>
    public static void Write(string path, string value, Func<Errno, string?>? advice = null)
    {
        var errno = TryWrite(path, value);
        if (errno != Errno.None)
        {
            throw new CgroupException($"write \"{value}\" to", path, errno, advice?.Invoke(errno));
        }
    }

    public static Errno TryWrite(string path, string value)
    {
        // cgroupfs ignores O_TRUNC.
        using var file = Open(path, OpenFlags.WriteOnly | OpenFlags.Truncate, out var errno);
        if (file is null)
        {
            return errno;
        }

        Files.TryWrite(file, Encoding.UTF8.GetBytes(value), out errno);
        return errno;
    }

    /// <summary>Reads as much as fits.</summary>
    /// <returns>Empty when there is no such file, or its cgroup has just been removed.</returns>
    public static ReadOnlySpan<byte> TryRead(string path, Span<byte> buffer)
    {
        using var file = TryOpen(path);
        return file is null ? default : TryRead(file, path, buffer);
    }

    /// <summary>Opens a file to read it; null when there is no such file.</summary>
    public static FileDescriptor? TryOpen(string path)
    {
        var file = Open(path, OpenFlags.ReadOnly, out var errno);
        return file is null && !Missing(errno) ? throw new CgroupException("open", path, errno) : file;
    }

    /// <summary>Reads as much as fits of a file that has just been opened; empty as with a path.</summary>
    public static ReadOnlySpan<byte> TryRead(FileDescriptor file, string path, Span<byte> buffer)
    {
        var length = 0;
        while (length < buffer.Length)
        {
            var count = Files.TryRead(file, buffer[length..], out var errno);
            if (count < 0)
            {
                // EOPNOTSUPP: pressure of a kernel that was booted without it.
                return Missing(errno) || errno == Errno.EOPNOTSUPP ? default : throw new CgroupException("read", path, errno);
            }

            length += count;

            // A file of one record, as all of these are, is read whole at once (seq_file): what is short is the end. One call
            // less for each file is a quarter of what it costs to poll hundreds of cgroups.
            if (length < buffer.Length)
            {
                break;
            }
        }

        return buffer[..length];
    }

    /// <summary>All of a file that may be long; empty as with <see cref="TryRead(string, Span{byte})"/>.</summary>
    public static byte[] TryReadAll(string path)
    {
        using var file = TryOpen(path);
        if (file is null)
        {
            return [];
        }

        try
        {
            return Files.ReadToEnd(file, Largest);
        }
        catch (LinuxException e)
        {
            // EOPNOTSUPP: cgroup.procs of a threaded cgroup; its processes are listed by the domain above it.
            return Missing(e.Errno) || e.Errno == Errno.EOPNOTSUPP ? [] : throw new CgroupException("read", path, e.Errno);
        }
    }

    /// <summary>A short value without the line's end; null when there is no such file.</summary>
    public static string? TryReadText(string path)
    {
        Span<byte> buffer = stackalloc byte[4096];
        var text = TryRead(path, buffer);
        return text.IsEmpty ? (Exists(path) ? "" : null) : Encoding.UTF8.GetString(text).TrimEnd();
    }

    /// <summary>A limit as <see cref="FlatKeyed.Limit"/>; null when there is no such file.</summary>
    public static long? TryReadLimit(string path)
    {
        Span<byte> buffer = stackalloc byte[64];
        var text = TryRead(path, buffer);
        return text.IsEmpty ? null : FlatKeyed.Limit(text);
    }

    public static bool Exists(string path) => File.Exists(path);

    private static bool Missing(Errno errno) => errno is Errno.ENOENT or Errno.ENODEV or Errno.ENOTDIR;

    private static FileDescriptor? Open(string path, OpenFlags flags, out Errno errno)
        => Files.TryOpenAt2(FileDescriptor.CurrentDirectory, path, flags, ResolveFlags.None, 0, out errno);
}
