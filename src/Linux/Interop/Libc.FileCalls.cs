using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Crisp.Linux.Interop;

/// <summary>What <see cref="FileCalls"/> needs: names are bytes, which no marshaller touches.</summary>
internal static unsafe partial class Libc
{
    // long openat2(int dirfd, const char *pathname, struct open_how *how, size_t size);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint openat2(nint number, FileDescriptor dirfd, byte* pathname, open_how* how, nint size);

    // int openat(int dirfd, const char *pathname, int flags, mode_t mode);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int openat(FileDescriptor dirfd, byte* pathname, int flags, uint mode);

    // int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int statx(FileDescriptor dirfd, byte* pathname, int flags, uint mask, statx* statxbuf);

    // int mkdirat(int dirfd, const char *pathname, mode_t mode);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int mkdirat(FileDescriptor dirfd, byte* pathname, uint mode);

    // int mknodat(int dirfd, const char *pathname, mode_t mode, dev_t dev);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int mknodat(FileDescriptor dirfd, byte* pathname, uint mode, ulong dev);

    // int symlinkat(const char *target, int newdirfd, const char *linkpath);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int symlinkat(byte* target, FileDescriptor newdirfd, byte* linkpath);

    // ssize_t readlinkat(int dirfd, const char *pathname, char *buf, size_t bufsiz);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint readlinkat(FileDescriptor dirfd, byte* pathname, byte* buf, nint bufsiz);

    // int linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int linkat(FileDescriptor olddirfd, byte* oldpath, FileDescriptor newdirfd, byte* newpath, int flags);

    // int unlinkat(int dirfd, const char *pathname, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int unlinkat(FileDescriptor dirfd, byte* pathname, int flags);

    // int renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int renameat2(
        FileDescriptor olddirfd, byte* oldpath, FileDescriptor newdirfd, byte* newpath, uint flags);

    // int fchownat(int dirfd, const char *pathname, uid_t owner, gid_t group, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fchownat(FileDescriptor dirfd, byte* pathname, uint owner, uint group, int flags);

    // int fchmodat(int dirfd, const char *pathname, mode_t mode, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fchmodat(FileDescriptor dirfd, byte* pathname, uint mode, int flags);

    // int utimensat(int dirfd, const char *pathname, const struct timespec times[2], int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int utimensat(FileDescriptor dirfd, byte* pathname, timespec* times, int flags);

    // ssize_t preadv(int fd, const struct iovec *iov, int iovcnt, off_t offset);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint preadv(FileDescriptor fd, iovec* iov, int iovcnt, long offset);

    // ssize_t pwritev2(int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint pwritev2(FileDescriptor fd, iovec* iov, int iovcnt, long offset, int flags);

    // ssize_t copy_file_range(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t len, unsigned int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint copy_file_range(FileDescriptor fd_in, long* off_in, FileDescriptor fd_out, long* off_out, nint len, uint flags);

    // int setxattr(const char *path, const char *name, const void *value, size_t size, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int setxattr(byte* path, byte* name, byte* value, nint size, int flags);

    // ssize_t getxattr(const char *path, const char *name, void *value, size_t size);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint getxattr(byte* path, byte* name, byte* value, nint size);

    // ssize_t listxattr(const char *path, char *list, size_t size);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint listxattr(byte* path, byte* list, nint size);

    // int removexattr(const char *path, const char *name);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int removexattr(byte* path, byte* name);

    // int close(int fd);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "close")]
    internal static partial int closeWithError(int fd);

    // int fchdir(int fd);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fchdir(FileDescriptor fd);
}
