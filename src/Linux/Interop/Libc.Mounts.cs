using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace Crisp.Linux.Interop;

// linux/mount.h: struct mount_attr
[StructLayout(LayoutKind.Sequential)]
internal struct mount_attr
{
    internal ulong attr_set;
    internal ulong attr_clr;
    internal ulong propagation;
    internal ulong userns_fd;
}

internal static unsafe partial class Libc
{
    // int fsopen(const char *fsname, unsigned int flags);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint fsopen(nint number, [MarshalUsing(typeof(PathMarshaller))] string fsname, uint flags);

    // int fsconfig(int fd, unsigned int cmd, const char *key, const void *value, int aux);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint fsconfig(
        nint number,
        FileDescriptor fd,
        uint cmd,
        [MarshalUsing(typeof(PathMarshaller))] string? key,
        [MarshalUsing(typeof(PathMarshaller))] string? value,
        int aux);

    // int fsmount(int fsfd, unsigned int flags, unsigned int attr_flags);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint fsmount(nint number, FileDescriptor fsfd, uint flags, uint attr_flags);

    // int open_tree(int dirfd, const char *pathname, unsigned int flags);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint open_tree(
        nint number, FileDescriptor dirfd, [MarshalUsing(typeof(PathMarshaller))] string pathname, uint flags);

    // int move_mount(int from_dirfd, const char *from_pathname, int to_dirfd, const char *to_pathname, unsigned int flags);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint move_mount(
        nint number,
        FileDescriptor from_dirfd,
        [MarshalUsing(typeof(PathMarshaller))] string from_pathname,
        FileDescriptor to_dirfd,
        [MarshalUsing(typeof(PathMarshaller))] string to_pathname,
        uint flags);

    // int mount_setattr(int dirfd, const char *pathname, unsigned int flags, struct mount_attr *attr, size_t size);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint mount_setattr(
        nint number,
        FileDescriptor dirfd,
        [MarshalUsing(typeof(PathMarshaller))] string pathname,
        uint flags,
        mount_attr* attr,
        nint size);

    // int mount(const char *source, const char *target, const char *filesystemtype, unsigned long mountflags, const void *data);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int mount(
        [MarshalUsing(typeof(PathMarshaller))] string? source,
        [MarshalUsing(typeof(PathMarshaller))] string target,
        [MarshalUsing(typeof(PathMarshaller))] string? filesystemtype,
        nuint mountflags,
        [MarshalUsing(typeof(PathMarshaller))] string? data);

    // int umount2(const char *target, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int umount2([MarshalUsing(typeof(PathMarshaller))] string target, int flags);
}
