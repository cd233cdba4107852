using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>What statx(2) says of a file.</summary>
/// <param name="Mode">st_mode: type and permission bits.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Blocks">Units of 512 bytes.</param>
/// <param name="DeviceMajor">The device node itself (st_rdev), not where the file lies.</param>
/// <param name="Filesystem">The device number of the filesystem, in makedev(3)'s encoding (st_dev).</param>
/// <param name="MountId">As in mountinfo (Linux 5.8).</param>
/// <param name="IsMountRoot">Whether the file is the root of a mount (STATX_ATTR_MOUNT_ROOT, Linux 5.8).</param>
public sealed record FileStatus(
    uint Mode,
    uint Links,
    uint Uid,
    uint Gid,
    ulong Inode,
    long Size,
    long Blocks,
    Timestamp Accessed,
    Timestamp Modified,
    Timestamp Changed,
    uint DeviceMajor,
    uint DeviceMinor,
    ulong Filesystem,
    ulong MountId,
    bool IsMountRoot)
{
    public FileType Type => (FileType)(Mode & 0xF000);

    /// <summary>Permission, set-id and sticky bits.</summary>
    public uint Permissions => Mode & 0xFFF;
}

/// <summary>What statfs(2) says of a filesystem.</summary>
/// <param name="Type">The magic number of linux/magic.h.</param>
public sealed record FilesystemStatus(long Type, long BlockSize, ulong Blocks, ulong Free, ulong Available, ulong Inodes, ulong FreeInodes)
{
    public const long ProcMagic = 0x9FA0;
    public const long Cgroup2Magic = 0x63677270;
    public const long TmpfsMagic = 0x01021994;
    public const long OverlayMagic = 0x794C7630;
    public const long DevptsMagic = 0x1CD1;
    public const long NsfsMagic = 0x6E736673;
}

public static partial class Files
{
    /// <summary>statx(2) of the open file itself; O_PATH descriptors are fine.</summary>
    public static FileStatus Status(FileDescriptor file) => StatusAt(file, string.Empty);

    /// <summary>statx(2), never following a final symlink.</summary>
    public static FileStatus StatusAt(FileDescriptor directory, string path)
        => TryStatusAt(directory, path, out var errno) ?? throw (path.Length == 0 ? Check.Error("statx", errno, directory) : new LinuxException("statx", errno, path));

    /// <summary>statx(2), never following a final symlink: null and the error number when it fails.</summary>
    public static FileStatus? TryStatusAt(FileDescriptor directory, string path, out Errno errno)
    {
        const uint BasicStats = 0x7FF;
        const uint MntId = 0x1000;
        const ulong AttrMountRoot = 0x2000;
        statx s;
        // SAFETY: statx fills the 256 bytes of the structure, which lives on this stack.
        unsafe
        {
            if (Libc.statx(directory, path, AtEmptyPath | AtSymlinkNofollow, BasicStats | MntId, &s) == -1)
            {
                errno = Check.LastError;
                return null;
            }
        }

        errno = Errno.None;
        return new FileStatus(
            s.stx_mode,
            s.stx_nlink,
            s.stx_uid,
            s.stx_gid,
            s.stx_ino,
            (long)s.stx_size,
            (long)s.stx_blocks,
            new Timestamp(s.stx_atime.tv_sec, s.stx_atime.tv_nsec),
            new Timestamp(s.stx_mtime.tv_sec, s.stx_mtime.tv_nsec),
            new Timestamp(s.stx_ctime.tv_sec, s.stx_ctime.tv_nsec),
            s.stx_rdev_major,
            s.stx_rdev_minor,
            MakeDevice(s.stx_dev_major, s.stx_dev_minor),
            s.stx_mnt_id,
            (s.stx_attributes & AttrMountRoot) != 0);
    }

    /// <summary>fstatfs(2).</summary>
    public static FilesystemStatus Statfs(FileDescriptor file)
    {
        statfs s;
        // SAFETY: fstatfs fills the structure, which lives on this stack.
        unsafe
        {
            Check.Result(Libc.fstatfs(file, &s), "fstatfs", file);
        }

        return new FilesystemStatus(s.f_type, s.f_frsize, s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree);
    }
}
