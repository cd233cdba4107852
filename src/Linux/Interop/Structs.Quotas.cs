using System.Runtime.InteropServices;

namespace Crisp.Linux.Interop;

// linux/fs.h: struct fsxattr
[StructLayout(LayoutKind.Sequential, Size = 28)]
internal struct fsxattr
{
    internal uint fsx_xflags;
    internal uint fsx_extsize;
    internal uint fsx_nextents;
    internal uint fsx_projid;
    internal uint fsx_cowextsize;
}

// linux/quota.h: struct if_dqblk
[StructLayout(LayoutKind.Sequential)]
internal struct if_dqblk
{
    internal ulong dqb_bhardlimit;
    internal ulong dqb_bsoftlimit;
    internal ulong dqb_curspace;
    internal ulong dqb_ihardlimit;
    internal ulong dqb_isoftlimit;
    internal ulong dqb_curinodes;
    internal ulong dqb_btime;
    internal ulong dqb_itime;
    internal uint dqb_valid;
}

// linux/dqblk_xfs.h: struct fs_quota_statv
[StructLayout(LayoutKind.Sequential, Size = 160)]
internal struct fs_quota_statv
{
    internal sbyte qs_version;
    internal byte qs_pad1;
    internal ushort qs_flags;
    internal uint qs_incoredqs;
}
