using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace Crisp.Linux.Interop;

/// <summary>Functions of glibc, and syscall(2) for the system calls that Debian 12's glibc 2.36 or 2.34 do not wrap.</summary>
internal static unsafe partial class Libc
{
    private const string Name = "libc";

    // long syscall(long number, ...);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint syscall(nint number, nint a0 = 0, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0, nint a5 = 0);

    // int close(int fd);
    [LibraryImport(Name)]
    internal static partial int close(int fd);

    // int fcntl(int fd, int cmd, ... /* arg */ );
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fcntl(FileDescriptor fd, int cmd, nint arg);

    // int ioctl(int fd, unsigned long request, ...);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int ioctl(FileDescriptor fd, nuint request, void* argument);

    // int openat(int dirfd, const char *pathname, int flags, mode_t mode);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int openat(FileDescriptor dirfd, [MarshalUsing(typeof(PathMarshaller))] string pathname, int flags, uint mode);

    // long openat2(int dirfd, const char *pathname, struct open_how *how, size_t size);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint openat2(
        nint number, FileDescriptor dirfd, [MarshalUsing(typeof(PathMarshaller))] string pathname, open_how* how, nint size);

    // ssize_t read(int fd, void *buf, size_t count);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint read(FileDescriptor fd, byte* buf, nint count);

    // ssize_t pread(int fd, void *buf, size_t count, off_t offset);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint pread(FileDescriptor fd, byte* buf, nint count, long offset);

    // ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint pwrite(FileDescriptor fd, byte* buf, nint count, long offset);

    // ssize_t write(int fd, const void *buf, size_t count);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint write(FileDescriptor fd, byte* buf, nint count);

    // off_t lseek(int fd, off_t offset, int whence);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial long lseek(FileDescriptor fd, long offset, int whence);

    // int ftruncate(int fd, off_t length);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int ftruncate(FileDescriptor fd, long length);

    // int fsync(int fd);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fsync(FileDescriptor fd);

    // int fdatasync(int fd);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fdatasync(FileDescriptor fd);

    // int syncfs(int fd);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int syncfs(FileDescriptor fd);

    // int flock(int fd, int operation);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int flock(FileDescriptor fd, int operation);

    // int mkdirat(int dirfd, const char *pathname, mode_t mode);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int mkdirat(FileDescriptor dirfd, [MarshalUsing(typeof(PathMarshaller))] string pathname, uint mode);

    // int mknodat(int dirfd, const char *pathname, mode_t mode, dev_t dev);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int mknodat(
        FileDescriptor dirfd, [MarshalUsing(typeof(PathMarshaller))] string pathname, uint mode, ulong dev);

    // int symlinkat(const char *target, int newdirfd, const char *linkpath);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int symlinkat(
        [MarshalUsing(typeof(PathMarshaller))] string target,
        FileDescriptor newdirfd,
        [MarshalUsing(typeof(PathMarshaller))] string linkpath);

    // ssize_t readlinkat(int dirfd, const char *pathname, char *buf, size_t bufsiz);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint readlinkat(
        FileDescriptor dirfd, [MarshalUsing(typeof(PathMarshaller))] string pathname, byte* buf, nint bufsiz);

    // int linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int linkat(
        FileDescriptor olddirfd,
        [MarshalUsing(typeof(PathMarshaller))] string oldpath,
        FileDescriptor newdirfd,
        [MarshalUsing(typeof(PathMarshaller))] string newpath,
        int flags);

    // int unlinkat(int dirfd, const char *pathname, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int unlinkat(FileDescriptor dirfd, [MarshalUsing(typeof(PathMarshaller))] string pathname, int flags);

    // int renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int renameat2(
        FileDescriptor olddirfd,
        [MarshalUsing(typeof(PathMarshaller))] string oldpath,
        FileDescriptor newdirfd,
        [MarshalUsing(typeof(PathMarshaller))] string newpath,
        uint flags);

    // ssize_t getdents64(int fd, void *dirp, size_t count);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint getdents64(FileDescriptor fd, byte* dirp, nint count);
}
