using Crisp.Linux.Interop;

namespace Crisp.Linux;

public static partial class Files
{
    /// <summary>read(2).</summary>
    /// <returns>Bytes read; 0 is the end.</returns>
    public static int Read(FileDescriptor file, Span<byte> buffer)
    {
        var count = TryRead(file, buffer, out var errno);
        return count >= 0 ? count : throw Check.Error("read", errno, file);
    }

    /// <summary>read(2) for non-blocking descriptors: -1 and the error number (EAGAIN, EIO of a hung-up terminal).</summary>
    public static int TryRead(FileDescriptor file, Span<byte> buffer, out Errno errno)
    {
        while (true)
        {
            nint count;
            // SAFETY: the span is pinned for the call, which writes at most its length.
            unsafe
            {
                fixed (byte* bytes = buffer)
                {
                    count = Libc.read(file, bytes, buffer.Length);
                }
            }

            errno = count == -1 ? Check.LastError : Errno.None;
            if (errno != Errno.EINTR)
            {
                return (int)count;
            }
        }
    }

    /// <summary>pread(2).</summary>
    public static int ReadAt(FileDescriptor file, Span<byte> buffer, long offset)
    {
        var count = TryReadAt(file, buffer, offset, out var errno);
        return count >= 0 ? count : throw Check.Error("pread", errno, file);
    }

    /// <summary>pread(2) for files that may fail at any time (ENODEV of a removed cgroup): -1 and the error number.</summary>
    public static int TryReadAt(FileDescriptor file, Span<byte> buffer, long offset, out Errno errno)
    {
        while (true)
        {
            nint count;
            // SAFETY: the span is pinned for the call, which writes at most its length.
            unsafe
            {
                fixed (byte* bytes = buffer)
                {
                    count = Libc.pread(file, bytes, buffer.Length, offset);
                }
            }

            errno = count == -1 ? Check.LastError : Errno.None;
            if (errno != Errno.EINTR)
            {
                return (int)count;
            }
        }
    }

    /// <summary>pwrite(2).</summary>
    /// <returns>Bytes written, which may be fewer than given.</returns>
    public static int WriteAt(FileDescriptor file, ReadOnlySpan<byte> buffer, long offset)
    {
        // SAFETY: the span is pinned for the call, which reads at most its length.
        unsafe
        {
            fixed (byte* bytes = buffer)
            {
                return (int)Check.Result(Libc.pwrite(file, bytes, buffer.Length, offset), "pwrite", file);
            }
        }
    }

    /// <summary>write(2).</summary>
    /// <returns>Bytes written, which may be fewer than given.</returns>
    public static int Write(FileDescriptor file, ReadOnlySpan<byte> buffer)
    {
        var count = TryWrite(file, buffer, out var errno);
        return count >= 0 ? count : throw Check.Error("write", errno, file);
    }

    /// <summary>write(2) for non-blocking descriptors: -1 and the error number (EAGAIN, EPIPE).</summary>
    public static int TryWrite(FileDescriptor file, ReadOnlySpan<byte> buffer, out Errno errno)
    {
        while (true)
        {
            nint count;
            // SAFETY: the span is pinned for the call, which reads at most its length.
            unsafe
            {
                fixed (byte* bytes = buffer)
                {
                    count = Libc.write(file, bytes, buffer.Length);
                }
            }

            errno = count == -1 ? Check.LastError : Errno.None;
            if (errno != Errno.EINTR)
            {
                return (int)count;
            }
        }
    }

    /// <summary>write(2) until everything is written.</summary>
    public static void WriteAll(FileDescriptor file, ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            buffer = buffer[Write(file, buffer)..];
        }
    }

    /// <summary>Reads a file from where it stands to its end, at most <paramref name="limit"/> bytes.</summary>
    /// <exception cref="LinuxException">EFBIG when there is more.</exception>
    public static byte[] ReadToEnd(FileDescriptor file, int limit)
    {
        var content = new byte[Math.Min(limit, 4096) + 1];
        var length = 0;
        for (int count; (count = Read(file, content.AsSpan(length))) > 0;)
        {
            length += count;
            if (length > limit)
            {
                throw Check.Error("read", Errno.EFBIG, file);
            }

            if (length == content.Length)
            {
                Array.Resize(ref content, (int)Math.Min(2L * length, limit + 1L));
            }
        }

        return content[..length];
    }

    /// <summary>ioctl(2), FIONREAD: how many bytes a pipe, socket or terminal holds now.</summary>
    public static int BytesReadable(FileDescriptor file)
    {
        const nuint Fionread = 0x541B;
        var count = 0;
        // SAFETY: the kernel writes one int, which lives on this stack.
        unsafe
        {
            Check.Result(Libc.ioctl(file, Fionread, &count), "ioctl", "FIONREAD");
        }

        return count;
    }

    /// <summary>lseek(2) with SEEK_SET.</summary>
    public static void Seek(FileDescriptor file, long offset)
    {
        if (Libc.lseek(file, offset, 0) == -1)
        {
            Check.Throw("lseek", file);
        }
    }

    /// <summary>How many bytes a regular file or a block device has (lseek(2), SEEK_END). It stands at its end afterwards.</summary>
    public static long Length(FileDescriptor file)
    {
        const int SeekEnd = 2;
        var length = Libc.lseek(file, 0, SeekEnd);
        return length != -1 ? length : throw Check.Error("lseek", Check.LastError, file);
    }

    /// <summary>ftruncate(2).</summary>
    public static void Truncate(FileDescriptor file, long length) => Check.Result(Libc.ftruncate(file, length), "ftruncate", file);

    /// <summary>fsync(2): file data and metadata, or a directory's entries, are on the disk.</summary>
    public static void Fsync(FileDescriptor file) => Check.Result(Libc.fsync(file), "fsync", file);

    /// <summary>fdatasync(2): the data is on the disk, and what of the metadata is needed to read it.</summary>
    public static void Fdatasync(FileDescriptor file) => Check.Result(Libc.fdatasync(file), "fdatasync", file);

    /// <summary>syncfs(2): the whole filesystem that holds the file.</summary>
    public static void Syncfs(FileDescriptor file) => Check.Result(Libc.syncfs(file), "syncfs", file);

    /// <summary>flock(2) with LOCK_EX | LOCK_NB.</summary>
    /// <returns>False when somebody else holds the lock.</returns>
    public static bool TryLock(FileDescriptor file)
    {
        const int LockEx = 2;
        const int LockNb = 4;
        if (Libc.flock(file, LockEx | LockNb) == 0)
        {
            return true;
        }

        if (Check.LastError != Errno.EWOULDBLOCK)
        {
            Check.Throw("flock", file);
        }

        return false;
    }

    /// <summary>fcntl(2): sets or clears O_NONBLOCK, which belongs to the open file and so to all its descriptors.</summary>
    public static void SetNonBlocking(FileDescriptor file, bool nonBlocking)
    {
        const int FGetfl = 3;
        const int FSetfl = 4;
        var flags = Check.Result(Libc.fcntl(file, FGetfl, 0), "fcntl", file);
        var wanted = nonBlocking ? flags | (int)OpenFlags.NonBlocking : flags & ~(int)OpenFlags.NonBlocking;
        if (wanted != flags)
        {
            Check.Result(Libc.fcntl(file, FSetfl, wanted), "fcntl", file);
        }
    }
}
