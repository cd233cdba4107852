using System.Runtime.InteropServices;

namespace Crisp.Kvm.Interop.Fuse;

// linux/fuse.h, by its names. Attributes of files and filesystems.
[StructLayout(LayoutKind.Sequential)]
internal struct fuse_attr
{
    internal ulong ino;
    internal ulong size;
    internal ulong blocks;
    internal ulong atime;
    internal ulong mtime;
    internal ulong ctime;
    internal uint atimensec;
    internal uint mtimensec;
    internal uint ctimensec;
    internal uint mode;
    internal uint nlink;
    internal uint uid;
    internal uint gid;
    internal uint rdev;
    internal uint blksize;
    internal uint flags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_setattr_in
{
    internal uint valid;
    internal uint padding;
    internal ulong fh;
    internal ulong size;
    internal ulong lock_owner;
    internal ulong atime;
    internal ulong mtime;
    internal ulong ctime;
    internal uint atimensec;
    internal uint mtimensec;
    internal uint ctimensec;
    internal uint mode;
    internal uint unused4;
    internal uint uid;
    internal uint gid;
    internal uint unused5;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_attr_out
{
    internal ulong attr_valid;
    internal uint attr_valid_nsec;
    internal uint dummy;
    internal fuse_attr attr;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_setxattr_in
{
    internal uint size;
    internal uint flags;
    internal uint setxattr_flags;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_getxattr_in
{
    internal uint size;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_getxattr_out
{
    internal uint size;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_kstatfs
{
    internal ulong blocks;
    internal ulong bfree;
    internal ulong bavail;
    internal ulong files;
    internal ulong ffree;
    internal uint bsize;
    internal uint namelen;
    internal uint frsize;
    internal uint padding;
    internal uints6 spare;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_statfs_out
{
    internal fuse_kstatfs st;
}

[System.Runtime.CompilerServices.InlineArray(6)]
internal struct uints6
{
    private uint _first;
}
