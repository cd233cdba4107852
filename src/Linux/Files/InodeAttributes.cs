using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>What statx(2) says of a file, as a value: servers of files ask for it with every request.</summary>
public readonly struct InodeAttributes
{
    private readonly statx _s;

    internal InodeAttributes(in statx s) => _s = s;

    /// <summary>st_mode: type and permission bits.</summary>
    public uint Mode => _s.stx_mode;

    public FileType Type => (FileType)(Mode & 0xF000);

    public uint Links => _s.stx_nlink;

    public uint Uid => _s.stx_uid;

    public uint Gid => _s.stx_gid;

    public ulong Inode => _s.stx_ino;

    /// <summary>Bytes.</summary>
    public ulong Size => _s.stx_size;

    /// <summary>Units of 512 bytes.</summary>
    public ulong Blocks => _s.stx_blocks;

    /// <summary>Bytes, for efficient I/O.</summary>
    public uint BlockSize => _s.stx_blksize;

    public Timestamp Accessed => new(_s.stx_atime.tv_sec, _s.stx_atime.tv_nsec);

    public Timestamp Modified => new(_s.stx_mtime.tv_sec, _s.stx_mtime.tv_nsec);

    public Timestamp Changed => new(_s.stx_ctime.tv_sec, _s.stx_ctime.tv_nsec);

    /// <summary>The device node itself (st_rdev).</summary>
    public uint DeviceMajor => _s.stx_rdev_major;

    public uint DeviceMinor => _s.stx_rdev_minor;

    /// <summary>The device number of the filesystem, in makedev(3)'s encoding.</summary>
    public ulong Filesystem => Files.MakeDevice(_s.stx_dev_major, _s.stx_dev_minor);

    /// <summary>As in mountinfo (Linux 5.8).</summary>
    public ulong MountId => _s.stx_mnt_id;
}

/// <summary>What statfs(2) says of a filesystem, as a value.</summary>
public readonly struct FilesystemAttributes
{
    private readonly statfs _s;

    internal FilesystemAttributes(in statfs s) => _s = s;

    /// <summary>In units of <see cref="FragmentSize"/>.</summary>
    public ulong Blocks => _s.f_blocks;

    public ulong Free => _s.f_bfree;

    /// <summary>Free for everybody.</summary>
    public ulong Available => _s.f_bavail;

    public ulong Inodes => _s.f_files;

    public ulong FreeInodes => _s.f_ffree;

    public uint BlockSize => (uint)_s.f_bsize;

    public uint FragmentSize => (uint)_s.f_frsize;

    public uint NameLength => (uint)_s.f_namelen;
}
