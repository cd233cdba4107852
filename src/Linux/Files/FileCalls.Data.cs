using Crisp.Linux.Interop;

namespace Crisp.Linux;

public static partial class FileCalls
{
    /// <summary>preadv(2).</summary>
    /// <param name="count">Bytes read; 0 at the end of the file.</param>
    public static unsafe Errno Read(FileDescriptor file, MemoryVector vector, long offset, out int count)
    {
        nint result;
        do
        {
            // SAFETY: the vector has parts of a mapping that its owner keeps.
            fixed (Tmds.Linux.iovec* parts = vector.Parts)
            {
                result = Libc.preadv(file, parts, vector.Parts.Length, offset);
            }
        }
        while (result == -1 && Check.LastError == Errno.EINTR);

        count = (int)result;
        return Result(result);
    }

    /// <summary>pwritev2(2).</summary>
    /// <param name="append">RWF_APPEND: behind the end of the file, wherever that is by then.</param>
    /// <param name="count">Bytes written, which may be fewer than the vector has.</param>
    public static unsafe Errno Write(FileDescriptor file, MemoryVector vector, long offset, bool append, out int count)
    {
        const int RwfAppend = 0x10;
        nint result;
        do
        {
            // SAFETY: the vector has parts of a mapping that its owner keeps.
            fixed (Tmds.Linux.iovec* parts = vector.Parts)
            {
                result = Libc.pwritev2(file, parts, vector.Parts.Length, offset, append ? RwfAppend : 0);
            }
        }
        while (result == -1 && Check.LastError == Errno.EINTR);

        count = (int)result;
        return Result(result);
    }

    /// <summary>ftruncate(2).</summary>
    public static Errno Truncate(FileDescriptor file, long length) => Result(Libc.ftruncate(file, length));

    /// <summary>fsync(2) or fdatasync(2).</summary>
    public static Errno Sync(FileDescriptor file, bool dataOnly) => Result(dataOnly ? Libc.fdatasync(file) : Libc.fsync(file));

    /// <summary>What close(2) tells of earlier writes, of a descriptor that stays open: that of a copy's.</summary>
    public static Errno Flush(FileDescriptor file)
    {
        const int FDupfdCloexec = 1030;
        var copy = Libc.fcntl(file, FDupfdCloexec, 0);
        return copy == -1 ? Check.LastError : Result(Libc.closeWithError(copy));
    }

    /// <summary>syncfs(2). Not for descriptors of O_PATH.</summary>
    public static Errno SyncFilesystem(FileDescriptor file) => Result(Libc.syncfs(file));

    /// <summary>fallocate(2).</summary>
    public static Errno Allocate(FileDescriptor file, int mode, long offset, long length)
    {
        int result;
        do
        {
            result = Libc.fallocate(file, mode, offset, length);
        }
        while (result == -1 && Check.LastError == Errno.EINTR);

        return Result(result);
    }

    /// <summary>lseek(2).</summary>
    /// <param name="whence">As in unistd.h: 0 SEEK_SET … 3 SEEK_DATA, 4 SEEK_HOLE.</param>
    public static Errno Seek(FileDescriptor file, long offset, int whence, out long position)
    {
        position = Libc.lseek(file, offset, whence);
        return Result((nint)position);
    }

    /// <summary>copy_file_range(2).</summary>
    public static unsafe Errno CopyRange(FileDescriptor source, long sourceOffset, FileDescriptor target, long targetOffset, long length, out long count)
    {
        // SAFETY: both offsets live on this stack.
        var result = Libc.copy_file_range(source, &sourceOffset, target, &targetOffset, (nint)length, 0);
        count = result;
        return Result(result);
    }

    /// <summary>getdents64(2) from where the directory stands.</summary>
    /// <param name="length">Bytes of entries; 0 at the end.</param>
    public static unsafe Errno ReadEntries(FileDescriptor directory, Span<byte> buffer, out int length)
    {
        // SAFETY: the buffer is pinned for the call, which writes at most its length.
        fixed (byte* bytes = buffer)
        {
            length = (int)Libc.getdents64(directory, bytes, buffer.Length);
        }

        return Result(length);
    }

    /// <summary>setxattr(2) of what a descriptor of O_PATH names, symlinks included.</summary>
    /// <param name="flags">XATTR_CREATE, XATTR_REPLACE or none.</param>
    public static unsafe Errno SetAttribute(FileDescriptor file, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int flags)
    {
        Span<byte> number = stackalloc byte[12];
        Number(file, number);
        // SAFETY: path and name end with a NUL; all three stay where they are for the call, which reads the value's length.
        fixed (byte* path = number, attribute = Terminated(name), bytes = value)
        {
            return Result(Libc.setxattr(path, attribute, bytes, value.Length, flags));
        }
    }

    /// <summary>getxattr(2) of what a descriptor of O_PATH names.</summary>
    /// <param name="value">Empty to ask for the length alone.</param>
    public static unsafe Errno GetAttribute(FileDescriptor file, ReadOnlySpan<byte> name, Span<byte> value, out int length)
    {
        Span<byte> number = stackalloc byte[12];
        Number(file, number);
        // SAFETY: path and name end with a NUL; the call writes at most the value's length.
        fixed (byte* path = number, attribute = Terminated(name), bytes = value)
        {
            length = (int)Libc.getxattr(path, attribute, bytes, value.Length);
        }

        return Result(length);
    }

    /// <summary>listxattr(2) of what a descriptor of O_PATH names: names, each with a NUL behind it.</summary>
    public static unsafe Errno ListAttributes(FileDescriptor file, Span<byte> list, out int length)
    {
        Span<byte> number = stackalloc byte[12];
        Number(file, number);
        // SAFETY: the path ends with a NUL; the call writes at most the list's length.
        fixed (byte* path = number, bytes = list)
        {
            length = (int)Libc.listxattr(path, bytes, list.Length);
        }

        return Result(length);
    }

    /// <summary>removexattr(2) of what a descriptor of O_PATH names.</summary>
    public static unsafe Errno RemoveAttribute(FileDescriptor file, ReadOnlySpan<byte> name)
    {
        Span<byte> number = stackalloc byte[12];
        Number(file, number);
        // SAFETY: path and name end with a NUL and stay where they are for the call.
        fixed (byte* path = number, attribute = Terminated(name))
        {
            return Result(Libc.removexattr(path, attribute));
        }
    }
}
