namespace Crisp.Kvm.Confinement;

/// <summary>The system calls that a monitor's threads make while guest code runs, by what for.</summary>
internal static class MonitorCalls
{
    /// <summary>Of the .NET runtime and glibc, on any thread: memory, threads, signals, time, waiting. No files, no sockets.</summary>
    internal static readonly string[] Runtime =
    [
        "brk", "munmap", "mremap", "madvise", "membarrier", "mincore", "sched_yield", "sched_getaffinity", "getcpu", "get_mempolicy",
        "futex", "set_robust_list", "rseq", "set_tid_address", "exit", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
        "rt_sigtimedwait", "sigaltstack", "restart_syscall", "gettid", "getpid", "geteuid", "getegid", "clock_gettime", "clock_getres", "clock_nanosleep",
        "nanosleep", "gettimeofday", "getrandom", "getrusage", "sysinfo", "uname", "read", "write", "close", "poll", "ppoll",
    ];

    /// <summary>Of a device's loop.</summary>
    internal static readonly string[] Events = ["epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2"];

    /// <summary>A disk's.</summary>
    internal static readonly string[] Disk = ["pread64", "pwrite64", "preadv", "pwritev", "fdatasync", "fsync", "fallocate"];

    /// <summary>A network card's, on a tap.</summary>
    internal static readonly string[] Tap = ["readv", "writev"];

    /// <summary>The memory's, of which a balloon gives pages back.</summary>
    internal static readonly string[] Memory = ["fallocate"];

    /// <summary>Of unix sockets that exist, or are accepted; <see cref="MonitorFilter"/> adds socket(2) for AF_UNIX.</summary>
    internal static readonly string[] Sockets =
        ["connect", "accept4", "shutdown", "recvmsg", "sendmsg", "recvfrom", "sendto", "getsockopt", "setsockopt", "getsockname", "getpeername", "socketpair"];

    /// <summary>Of the main thread's, for standard streams and what it hands to others.</summary>
    internal static readonly string[] Descriptors =
        ["fcntl", "dup", "dup2", "dup3", "pipe2", "fstat", "newfstatat", "lseek", "readv", "writev", "signalfd4", "timerfd_create", "timerfd_settime", "close_range"];

    /// <summary>
    /// Of a file server: names beneath directories that it has descriptors of, attributes, data. No file handles, which with
    /// CAP_DAC_READ_SEARCH would lead to every file of a shared filesystem.
    /// </summary>
    internal static readonly string[] Files =
    [
        "openat", "openat2", "statx", "newfstatat", "fstat", "fstatfs", "statfs", "getdents64", "readlinkat", "faccessat", "faccessat2",
        "mkdirat", "mknodat", "unlinkat", "linkat", "symlinkat", "renameat", "renameat2", "fchmod", "fchmodat", "fchmodat2", "fchown",
        "fchownat", "utimensat", "truncate", "ftruncate", "fallocate", "lseek", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
        "pwritev2", "copy_file_range", "sendfile", "fsync", "fdatasync", "sync_file_range", "syncfs", "flock", "fgetxattr", "fsetxattr",
        "flistxattr", "fremovexattr", "getxattr", "setxattr", "listxattr", "removexattr", "lgetxattr", "lsetxattr", "llistxattr",
        "lremovexattr", "umask", "fchdir", "setresuid", "setresgid", "setgroups", "setfsuid",
        "setfsgid", "unlink", "mkdir", "rename", "chmod",
    ];

    /// <summary>What only an intruder does: the process ends by SIGSYS.</summary>
    internal static readonly string[] Intrusion =
    [
        "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "mount", "umount2", "pivot_root", "chroot",
        "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "setns", "bpf", "perf_event_open",
        "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "keyctl", "add_key",
        "request_key", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "iopl", "ioperm", "acct", "quotactl",
    ];
}
