using System.Runtime.InteropServices;

namespace Crisp.Kvm.Interop.Fuse;

// linux/fuse.h, by its names. Open files.
[StructLayout(LayoutKind.Sequential)]
internal struct fuse_open_in
{
    internal uint flags;
    internal uint open_flags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_create_in
{
    internal uint flags;
    internal uint mode;
    internal uint umask;
    internal uint open_flags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_open_out
{
    internal ulong fh;
    internal uint open_flags;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_release_in
{
    internal ulong fh;
    internal uint flags;
    internal uint release_flags;
    internal ulong lock_owner;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_read_in
{
    internal ulong fh;
    internal ulong offset;
    internal uint size;
    internal uint read_flags;
    internal ulong lock_owner;
    internal uint flags;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_write_in
{
    internal ulong fh;
    internal ulong offset;
    internal uint size;
    internal uint write_flags;
    internal ulong lock_owner;
    internal uint flags;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_write_out
{
    internal uint size;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_fsync_in
{
    internal ulong fh;
    internal uint fsync_flags;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_fallocate_in
{
    internal ulong fh;
    internal ulong offset;
    internal ulong length;
    internal uint mode;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_lseek_in
{
    internal ulong fh;
    internal ulong offset;
    internal uint whence;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_lseek_out
{
    internal ulong offset;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_copy_file_range_in
{
    internal ulong fh_in;
    internal ulong off_in;
    internal ulong nodeid_out;
    internal ulong fh_out;
    internal ulong off_out;
    internal ulong len;
    internal ulong flags;
}
