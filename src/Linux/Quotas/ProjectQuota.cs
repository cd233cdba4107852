using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>
/// Disk quotas of projects: quotactl(2) with PRJQUOTA, by descriptor (Linux 5.14), and the project of a directory
/// (ioctl_xfs_fsgetxattr(2), which ext4 has too). A project is a number; files belong to their directory's where that says so.
/// </summary>
public static class ProjectQuota
{
    // Limits of space are told in these, QIF_DQBLKSIZE.
    private const int QuotaBlock = 1024;
    private const uint XflagProjinherit = 0x200;

    private static readonly IoctlRequest _get = IoctlRequest.Read<fsxattr>("FS_IOC_FSGETXATTR", (byte)'X', 31);
    private static readonly IoctlRequest _set = IoctlRequest.Write<fsxattr>("FS_IOC_FSSETXATTR", (byte)'X', 32);

    /// <summary>The requests of ioctl(2) by which a file's owner can give it to another project: FS_IOC_FSSETXATTR and both FS_IOC_SETFLAGS.</summary>
    public static IReadOnlyList<uint> ChangingRequests { get; } =
    [
        _set.Number,
        IoctlRequest.Write<long>("FS_IOC_SETFLAGS", (byte)'f', 2).Number,
        IoctlRequest.Write<int>("FS_IOC32_SETFLAGS", (byte)'f', 2).Number,
    ];

    /// <summary>Q_XGETQSTATV, which other filesystems than xfs answer too.</summary>
    /// <param name="file">Any file or directory of the filesystem.</param>
    public static ProjectQuotaState StateOf(FileDescriptor file)
    {
        const uint GetState = 0x5808;
        const sbyte Version1 = 1;
        var state = new fs_quota_statv { qs_version = Version1 };
        Errno errno;
        // SAFETY: the kernel fills the structure of the version that it names, which lives on this stack.
        unsafe
        {
            errno = Call(file, GetState, 0, &state);
        }

        // ENOSYS: the filesystem knows no quotas, or has none on. EINVAL: none of projects.
        if (errno is not Errno.None)
        {
            return errno is Errno.ENOSYS or Errno.EINVAL or Errno.ESRCH ? ProjectQuotaState.Off : throw new LinuxException("quotactl_fd", errno, "Q_XGETQSTATV");
        }

        return (state.qs_flags & (int)ProjectQuotaState.Enforced) != 0 ? ProjectQuotaState.Enforced
            : (ProjectQuotaState)(state.qs_flags & (int)ProjectQuotaState.Accounting);
    }

    /// <summary>FS_IOC_FSSETXATTR: gives a directory to a project, and with it all that is made in it from now on.</summary>
    /// <param name="directory">Open for reading; not O_PATH.</param>
    public static void Assign(FileDescriptor directory, uint project)
    {
        var attributes = default(fsxattr);
        Ioctl.Call(directory, _get, ref attributes);
        attributes.fsx_projid = project;
        attributes.fsx_xflags |= XflagProjinherit;
        Ioctl.Call(directory, _set, ref attributes);
    }

    /// <summary>FS_IOC_FSGETXATTR: the project of a file or directory; 0 for none, also where the filesystem knows none.</summary>
    /// <param name="file">Open for reading; not O_PATH.</param>
    public static uint Of(FileDescriptor file)
    {
        var attributes = default(fsxattr);
        try
        {
            Ioctl.Call(file, _get, ref attributes);
            return attributes.fsx_projid;
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOTTY or Errno.EOPNOTSUPP)
        {
            return 0;
        }
    }

    /// <summary>Q_SETQUOTA: how much space a project may use.</summary>
    /// <param name="file">Any file or directory of the filesystem.</param>
    /// <param name="bytes">Rounded up to KiB; 0 is no limit.</param>
    /// <exception cref="LinuxException">ESRCH: the filesystem has no quota of projects on.</exception>
    public static void SetLimit(FileDescriptor file, uint project, ulong bytes)
    {
        const uint SetQuota = 0x80_0008;
        const uint SpaceLimits = 1;
        var quota = new if_dqblk { dqb_bhardlimit = (bytes + QuotaBlock - 1) / QuotaBlock, dqb_valid = SpaceLimits };
        Errno errno;
        // SAFETY: the kernel reads the structure, which lives on this stack.
        unsafe
        {
            errno = Call(file, SetQuota, project, &quota);
        }

        if (errno != Errno.None)
        {
            throw new LinuxException("quotactl_fd", errno, $"Q_SETQUOTA {project}");
        }
    }

    /// <summary>Q_GETQUOTA.</summary>
    /// <param name="file">Any file or directory of the filesystem.</param>
    /// <exception cref="LinuxException">ESRCH: the filesystem has no quota of projects on.</exception>
    public static ProjectUsage Usage(FileDescriptor file, uint project)
    {
        const uint GetQuota = 0x80_0007;
        var quota = default(if_dqblk);
        Errno errno;
        // SAFETY: the kernel fills the structure, which lives on this stack.
        unsafe
        {
            errno = Call(file, GetQuota, project, &quota);
        }

        return errno switch
        {
            Errno.None => new ProjectUsage(
                quota.dqb_curspace,
                quota.dqb_curinodes,
                quota.dqb_bhardlimit * QuotaBlock,
                (quota.dqb_bsoftlimit | quota.dqb_isoftlimit | quota.dqb_ihardlimit) != 0),

            // What xfs says of a project that nobody has ever used.
            Errno.ENOENT => default,
            _ => throw new LinuxException("quotactl_fd", errno, $"Q_GETQUOTA {project}"),
        };
    }

    // SAFETY: the caller's structure is the command's, and outlives the call.
    private static unsafe Errno Call(FileDescriptor file, uint command, uint project, void* argument)
    {
        // QCMD of linux/quota.h.
        const int TypeBits = 8;
        const uint ProjectType = 2;
        return Libc.quotactl_fd((int)SystemCall.quotactl_fd, file, (command << TypeBits) | ProjectType, project, argument) == -1
            ? Check.LastError
            : Errno.None;
    }
}
