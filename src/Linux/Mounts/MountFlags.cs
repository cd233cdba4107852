namespace Crisp.Linux;

/// <summary>MOUNT_ATTR_* of fsmount(2) and mount_setattr(2).</summary>
[Flags]
public enum MountAttributes : ulong
{
    None = 0,
    ReadOnly = 0x1,
    NoSuid = 0x2,
    NoDev = 0x4,
    NoExec = 0x8,
    NoAccessTime = 0x10,
    StrictAccessTime = 0x20,
    NoDirectoryAccessTime = 0x80,
    IdMap = 0x10_0000,
    NoSymlinkFollow = 0x20_0000,
}

/// <summary>MS_* of mount(2).</summary>
[Flags]
public enum MountFlags : ulong
{
    None = 0,
    ReadOnly = 0x1,
    NoSuid = 0x2,
    NoDev = 0x4,
    NoExec = 0x8,
    Remount = 0x20,
    Bind = 0x1000,
    Move = 0x2000,
    Recursive = 0x4000,
    Silent = 0x8000,
    Unbindable = 0x2_0000,
    Private = 0x4_0000,
    Slave = 0x8_0000,
    Shared = 0x10_0000,
}

/// <summary>OPEN_TREE_* and AT_* of open_tree(2). OPEN_TREE_CLOEXEC is always added.</summary>
[Flags]
public enum OpenTreeFlags : uint
{
    None = 0,

    /// <summary>A detached copy of the mount.</summary>
    Clone = 0x1,
    NoFollow = 0x100,
    EmptyPath = 0x1000,

    /// <summary>With <see cref="Clone"/>: the mounts beneath come along.</summary>
    Recursive = 0x8000,
    CloseOnExec = 0x8_0000,
}

/// <summary>MOVE_MOUNT_* of move_mount(2).</summary>
[Flags]
public enum MoveMountFlags : uint
{
    None = 0,
    FromSymlinks = 0x1,
    FromEmptyPath = 0x4,
    ToSymlinks = 0x10,
    ToEmptyPath = 0x40,
}

/// <summary>Flags of umount2(2).</summary>
[Flags]
public enum UnmountFlags
{
    None = 0,
    Force = 1,
    Detach = 2,
    NoFollow = 8,
}

/// <summary>FSCONFIG_* of fsconfig(2).</summary>
public enum FsConfigCommand : uint
{
    SetFlag = 0,
    SetString = 1,
    SetPath = 3,
    SetDescriptor = 5,
    Create = 6,
    Reconfigure = 7,
}
