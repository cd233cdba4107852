namespace Crisp.Linux.Interop;

/// <summary>asm/unistd_64.h of x86-64: the calls made through syscall(2). Numbers from 424 on are the same everywhere.</summary>
internal static class SyscallNumber
{
    internal const int pivot_root = 155;
    internal const int bpf = 321;
    internal const int pidfd_send_signal = 424;
    internal const int open_tree = 428;
    internal const int move_mount = 429;
    internal const int fsopen = 430;
    internal const int fsconfig = 431;
    internal const int fsmount = 432;
    internal const int pidfd_open = 434;
    internal const int openat2 = 437;
    internal const int pidfd_getfd = 438;
    internal const int mount_setattr = 442;
}
