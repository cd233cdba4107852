namespace Crisp.Kvm.Interop.Fuse;

/// <summary>linux/fuse.h: what an INIT request offers and its reply accepts; those that this server knows.</summary>
[Flags]
internal enum FuseInitFlags : uint
{
    ASYNC_READ = 1 << 0,
    ATOMIC_O_TRUNC = 1 << 3,
    BIG_WRITES = 1 << 5,
    AUTO_INVAL_DATA = 1 << 12,
    DO_READDIRPLUS = 1 << 13,
    READDIRPLUS_AUTO = 1 << 14,
    ASYNC_DIO = 1 << 15,
    PARALLEL_DIROPS = 1 << 18,
    MAX_PAGES = 1 << 22,
    CACHE_SYMLINKS = 1 << 23,
    SUBMOUNTS = 1 << 27,
    HANDLE_KILLPRIV_V2 = 1 << 28,
}

/// <summary>linux/fuse.h: which attributes a SETATTR request changes.</summary>
[Flags]
internal enum FuseSetAttributes : uint
{
    MODE = 1 << 0,
    UID = 1 << 1,
    GID = 1 << 2,
    SIZE = 1 << 3,
    ATIME = 1 << 4,
    MTIME = 1 << 5,
    FH = 1 << 6,
    ATIME_NOW = 1 << 7,
    MTIME_NOW = 1 << 8,
    KILL_SUIDGID = 1 << 11,
}

/// <summary>Single bits and numbers of linux/fuse.h.</summary>
internal static class FuseConstant
{
    internal const uint FUSE_KERNEL_VERSION = 7;
    internal const uint FUSE_ROOT_ID = 1;
    internal const uint FUSE_ATTR_SUBMOUNT = 1 << 0;
    internal const uint FUSE_FSYNC_FDATASYNC = 1 << 0;
    internal const uint FUSE_OPEN_KILL_SUIDGID = 1 << 0;
    internal const uint FUSE_WRITE_CACHE = 1 << 0;
    internal const uint FUSE_WRITE_KILL_SUIDGID = 1 << 2;
    internal const uint FOPEN_KEEP_CACHE = 1 << 1;
    internal const uint FOPEN_CACHE_DIR = 1 << 3;
    internal const uint FOPEN_NOFLUSH = 1 << 5;
}
