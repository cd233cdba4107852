using System.Runtime.InteropServices;

namespace Crisp.Kvm.Interop.Fuse;

// linux/fuse.h, by its names. Headers, and what begins and ends a session.
[StructLayout(LayoutKind.Sequential)]
internal struct fuse_in_header
{
    internal uint len;
    internal uint opcode;
    internal ulong unique;
    internal ulong nodeid;
    internal uint uid;
    internal uint gid;
    internal uint pid;
    internal ushort total_extlen;
    internal ushort padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_out_header
{
    internal uint len;
    internal int error;
    internal ulong unique;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_init_in
{
    internal uint major;
    internal uint minor;
    internal uint max_readahead;
    internal uint flags;
    internal uint flags2;
    internal uints11 unused;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_init_out
{
    internal uint major;
    internal uint minor;
    internal uint max_readahead;
    internal uint flags;
    internal ushort max_background;
    internal ushort congestion_threshold;
    internal uint max_write;
    internal uint time_gran;
    internal ushort max_pages;
    internal ushort map_alignment;
    internal uint flags2;
    internal uints7 unused;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_forget_in
{
    internal ulong nlookup;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_forget_one
{
    internal ulong nodeid;
    internal ulong nlookup;
}

[StructLayout(LayoutKind.Sequential)]
internal struct fuse_batch_forget_in
{
    internal uint count;
    internal uint dummy;
}

[System.Runtime.CompilerServices.InlineArray(7)]
internal struct uints7
{
    private uint _first;
}

[System.Runtime.CompilerServices.InlineArray(11)]
internal struct uints11
{
    private uint _first;
}
