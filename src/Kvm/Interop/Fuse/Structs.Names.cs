using System.Runtime.InteropServices;

namespace Crisp.Kvm.Interop.Fuse;

// linux/fuse.h, by its names. Entries of directories.
[StructLayout(LayoutKind.Sequential)]
internal struct fuse_entry_out
{
    internal ulong nodeid;
    internal ulong generation;
    internal ulong entry_valid;
    internal ulong attr_valid;
    internal uint entry_valid_nsec;
    internal uint attr_valid_nsec;
    internal fuse_attr attr;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_mknod_in
{
    internal uint mode;
    internal uint rdev;
    internal uint umask;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_mkdir_in
{
    internal uint mode;
    internal uint umask;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_rename_in
{
    internal ulong newdir;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_rename2_in
{
    internal ulong newdir;
    internal uint flags;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_link_in
{
    internal ulong oldnodeid;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_dirent
{
    internal ulong ino;
    internal ulong off;
    internal uint namelen;
    internal uint type;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_direntplus
{
    internal fuse_entry_out entry_out;
    internal fuse_dirent dirent;
}
