using System.Runtime.InteropServices;

namespace Crisp.Linux.Interop;

internal static unsafe partial class Libc
{
    // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial void* mmap(void* addr, nuint length, int prot, int flags, FileDescriptor fd, long offset);

    // int munmap(void *addr, size_t length);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int munmap(void* addr, nuint length);

    // ssize_t getrandom(void *buf, size_t buflen, unsigned int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint getrandom(byte* buf, nint buflen, uint flags);

    // int fallocate(int fd, int mode, off_t offset, off_t len);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fallocate(FileDescriptor fd, int mode, long offset, long len);
}
