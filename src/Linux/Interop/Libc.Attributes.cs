using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Tmds.Linux;

namespace Crisp.Linux.Interop;

internal static unsafe partial class Libc
{
    // int fchownat(int dirfd, const char *pathname, uid_t owner, gid_t group, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fchownat(
        FileDescriptor dirfd, [MarshalUsing(typeof(PathMarshaller))] string pathname, uint owner, uint group, int flags);

    // int fchmod(int fd, mode_t mode);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fchmod(FileDescriptor fd, uint mode);

    // int chmod(const char *pathname, mode_t mode);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int chmod([MarshalUsing(typeof(PathMarshaller))] string pathname, uint mode);

    // int utimensat(int dirfd, const char *pathname, const struct timespec times[2], int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int utimensat(
        FileDescriptor dirfd, [MarshalUsing(typeof(PathMarshaller))] string pathname, timespec* times, int flags);

    // int fstatfs(int fd, struct statfs *buf);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fstatfs(FileDescriptor fd, statfs* buf);

    // int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int statx(
        FileDescriptor dirfd, [MarshalUsing(typeof(PathMarshaller))] string pathname, int flags, uint mask, statx* statxbuf);

    // int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int lsetxattr(
        [MarshalUsing(typeof(PathMarshaller))] string path,
        [MarshalUsing(typeof(PathMarshaller))] string name,
        byte* value,
        nint size,
        int flags);

    // int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fsetxattr(
        FileDescriptor fd, [MarshalUsing(typeof(PathMarshaller))] string name, byte* value, nint size, int flags);

    // ssize_t lgetxattr(const char *path, const char *name, void *value, size_t size);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint lgetxattr(
        [MarshalUsing(typeof(PathMarshaller))] string path, [MarshalUsing(typeof(PathMarshaller))] string name, byte* value, nint size);

    // ssize_t fgetxattr(int fd, const char *name, void *value, size_t size);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint fgetxattr(
        FileDescriptor fd, [MarshalUsing(typeof(PathMarshaller))] string name, byte* value, nint size);

    // ssize_t llistxattr(const char *path, char *list, size_t size);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint llistxattr([MarshalUsing(typeof(PathMarshaller))] string path, byte* list, nint size);

    // ssize_t flistxattr(int fd, char *list, size_t size);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint flistxattr(FileDescriptor fd, byte* list, nint size);
}
