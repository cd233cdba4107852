using Xunit;

namespace Crisp.Linux.Tests.Interop;

/// <summary>The values of the headers' names.</summary>
internal static class Headers
{
    private static readonly string[] s_most =
    [
        "asm/unistd.h", "asm/termbits.h", "dirent.h", "errno.h", "fcntl.h", "limits.h", "net/if.h", "netinet/in.h", "poll.h", "signal.h", "stdio.h", "sys/epoll.h",
        "sys/eventfd.h", "sys/file.h", "sys/ioctl.h", "sys/mman.h", "sys/prctl.h", "sys/reboot.h", "sys/resource.h", "sys/signalfd.h", "sys/socket.h", "sys/stat.h",
        "sys/uio.h", "sys/un.h", "sys/wait.h",
        "linux/audit.h", "linux/bpf.h", "linux/capability.h", "linux/close_range.h", "linux/dqblk_xfs.h", "linux/fib_rules.h",
        "linux/filter.h", "linux/fs.h", "linux/if_arp.h", "linux/if_tun.h", "linux/keyctl.h", "linux/magic.h", "linux/memfd.h", "linux/mount.h", "linux/openat2.h",
        "linux/pkt_cls.h", "linux/quota.h", "linux/rtnetlink.h", "linux/sched.h", "linux/seccomp.h", "linux/tc_act/tc_mirred.h", "linux/vm_sockets.h",
    ];

    /// <summary>glibc's and the kernel's headers of mounts exclude each other before glibc 2.37.</summary>
    private static readonly string[] s_unmount = ["sys/mount.h"];

    /// <summary>Names that Linux 6.1's headers, the oldest supported, do not have.</summary>
    private static readonly string[] s_younger = ["MFD_NOEXEC_SEAL", "MFD_EXEC"];

    /// <summary>The value of each expression; those younger than the machine's headers are left out.</summary>
    internal static Dictionary<string, long> Values(IEnumerable<string> expressions)
    {
        var groups = expressions.Distinct().ToLookup(e => e.StartsWith("MNT_", StringComparison.Ordinal) || e == "UMOUNT_NOFOLLOW");
        var values = CProgram.Evaluate(s_most, groups[false]);
        foreach (var (name, value) in groups[true].Any() ? CProgram.Evaluate(s_unmount, groups[true]) : [])
        {
            values.Add(name, value);
        }

        Assert.Empty(expressions.Except(values.Keys).Except(s_younger));
        return values;
    }
}
