namespace Crisp.Linux;

/// <summary>What a filesystem counts of a project, and what it allows it.</summary>
/// <param name="Bytes">Of disk, and of what has been written and has its place on the disk still before it.</param>
/// <param name="Inodes">Files, directories and all else that has an owner.</param>
/// <param name="LimitBytes">0: none.</param>
/// <param name="HasOtherLimits">Whether there are soft limits, or limits of inodes: somebody else's, since crisp sets none.</param>
public readonly record struct ProjectUsage(ulong Bytes, ulong Inodes, ulong LimitBytes, bool HasOtherLimits)
{
    /// <summary>Whether nobody uses the project, nor has a limit ready for it.</summary>
    public bool IsFree => this == default;
}

/// <summary>Whether a filesystem counts by project, with the values of linux/dqblk_xfs.h.</summary>
public enum ProjectQuotaState
{
    /// <summary>It cannot, or was mounted without.</summary>
    Off = 0,

    /// <summary>It counts, and limits nobody.</summary>
    Accounting = 0x10,

    /// <summary>It counts, and refuses what goes beyond a project's limit.</summary>
    Enforced = 0x20,
}
