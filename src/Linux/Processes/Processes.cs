using System.Globalization;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>Processes by pidfd, and the attributes of the calling one.</summary>
public static class Processes
{
    /// <summary>geteuid(2).</summary>
    public static uint EffectiveUid => Libc.geteuid();

    /// <summary>pidfd_open(2).</summary>
    /// <param name="pid">In the caller's PID namespace. Only a child that was not waited for cannot have been replaced by another.</param>
    public static FileDescriptor PidfdOpen(int pid)
        => new((int)Check.Result(Libc.pidfd_open((int)SystemCall.pidfd_open, pid, 0), "pidfd_open", $"{pid}"));

    /// <summary>pidfd_send_signal(2).</summary>
    /// <returns>False when the process has been reaped (ESRCH).</returns>
    public static bool PidfdSendSignal(FileDescriptor pidfd, int signal)
    {
        nint result;
        // SAFETY: a null siginfo is allowed and means what kill(2) would send.
        unsafe
        {
            result = Libc.pidfd_send_signal((int)SystemCall.pidfd_send_signal, pidfd, signal, null, 0);
        }

        if (result == -1 && Check.LastError != Errno.ESRCH)
        {
            Check.Throw("pidfd_send_signal", $"{signal}");
        }

        return result == 0;
    }

    /// <summary>The number of a pidfd's process in the caller's PID namespace, by /proc/self/fdinfo; null when it has been reaped.</summary>
    public static int? PidOf(FileDescriptor pidfd)
    {
        using var info = Files.Open($"/proc/self/fdinfo/{pidfd.Number}", OpenFlags.ReadOnly);
        ReadOnlySpan<byte> text = Files.ReadToEnd(info, 4096);
        var start = text.IndexOf("\nPid:"u8);
        var line = start < 0 ? default : text[(start + "\nPid:"u8.Length)..];
        line = line[..Math.Max(line.IndexOf((byte)'\n'), 0)].Trim((byte)'\t');
        return int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 0 ? pid : null;
    }

    /// <summary>pidfd_getfd(2): a copy of a descriptor of another process.</summary>
    public static FileDescriptor PidfdGetfd(FileDescriptor pidfd, int number)
        => new((int)Check.Result(Libc.pidfd_getfd((int)SystemCall.pidfd_getfd, pidfd, number, 0), "pidfd_getfd", $"{number}"));

    /// <summary>kill(2). Prefer a pidfd: a number may have been given to another process.</summary>
    /// <returns>False when there is no such process (ESRCH).</returns>
    public static bool Kill(int pid, int signal)
    {
        if (Libc.kill(pid, signal) == 0)
        {
            return true;
        }

        if (Check.LastError != Errno.ESRCH)
        {
            Check.Throw("kill", $"{pid}");
        }

        return false;
    }

    /// <summary>waitid(2) with P_ALL and WEXITED: waits for any child that has ended, and reaps it.</summary>
    /// <returns>Null when there is no child at all (ECHILD), or with <paramref name="block"/> false when none has ended.</returns>
    public static ProcessExit? WaitAny(bool block) => Wait(0, 0, block ? 0 : WNoHang);

    /// <summary>waitid(2) with P_ALL, WNOHANG and WNOWAIT: a child that has ended and is still to be reaped.</summary>
    /// <returns>Null when there is none.</returns>
    public static ProcessExit? PeekEnded() => Wait(0, 0, WNoHang | WNoWait);

    /// <summary>waitid(2) with P_PIDFD and WEXITED: waits for this child, and reaps it.</summary>
    public static ProcessExit WaitPidfd(FileDescriptor pidfd)
    {
        return TryWaitPidfd(pidfd) ?? throw new LinuxException("waitid", Errno.ECHILD, pidfd.ToString());
    }

    /// <summary>As <see cref="WaitPidfd"/>; null when it is no child, or another thread has reaped it.</summary>
    public static ProcessExit? TryWaitPidfd(FileDescriptor pidfd)
    {
        var exit = Wait(PPidfd, pidfd.Number, 0);
        GC.KeepAlive(pidfd);
        return exit;
    }

    /// <summary>waitid(2) with P_PID and WEXITED: waits for this child, and reaps it. Null: no child of this process.</summary>
    public static ProcessExit? WaitPid(int pid) => Wait(PPid, pid, 0);

    /// <summary>prctl(2), PR_SET_CHILD_SUBREAPER: orphans of this process's descendants become its children.</summary>
    public static void BecomeSubreaper()
    {
        const int PrSetChildSubreaper = 36;
        Prctl("PR_SET_CHILD_SUBREAPER", PrSetChildSubreaper, 1);
    }

    /// <summary>prctl(2), PR_SET_DUMPABLE 0: no ptrace, no core, and /proc/self belongs to root.</summary>
    public static void BecomeUndumpable()
    {
        const int PrSetDumpable = 4;
        Prctl("PR_SET_DUMPABLE", PrSetDumpable, 0);
    }

    /// <summary>prctl(2), PR_CAPBSET_READ: whether the capability is in the bounding set; null when the kernel does not know it.</summary>
    public static bool? IsInBoundingSet(int capability)
    {
        const int PrCapbsetRead = 23;
        return Libc.prctl(PrCapbsetRead, (nuint)capability, 0, 0, 0) switch { 1 => true, 0 => false, _ => null };
    }

    /// <summary>prlimit(2) of the calling process.</summary>
    /// <param name="resource">RLIMIT_*.</param>
    public static (ulong Soft, ulong Hard) GetRlimit(int resource)
    {
        rlimit limit;
        // SAFETY: prlimit fills the structure, which lives on this stack.
        unsafe
        {
            Check.Result(Libc.prlimit(0, resource, null, &limit), "prlimit", $"{resource}");
        }

        return (limit.rlim_cur, limit.rlim_max);
    }

    /// <summary>umask(2).</summary>
    /// <returns>The mask before.</returns>
    public static uint Umask(uint mask) => Libc.umask(mask);

    private const int PPid = 1;
    private const int PPidfd = 3;
    private const int WNoHang = 1;
    private const int WNoWait = 0x100_0000;

    private static ProcessExit? Wait(int idType, int id, int options)
    {
        const int WExited = 4;
        siginfo_wait info = default;
        int result;
        do
        {
            // SAFETY: waitid fills the 128 bytes of the structure, which lives on this stack.
            unsafe
            {
                result = Libc.waitid(idType, id, &info, WExited | options);
            }
        }
        while (result == -1 && Check.LastError == Errno.EINTR);

        if (result == -1)
        {
            if (Check.LastError != Errno.ECHILD)
            {
                Check.Throw("waitid");
            }

            return null;
        }

        // With WNOHANG and nobody to reap the answer is success with pid 0.
        return info.si_pid == 0 ? null : new ProcessExit(info.si_pid, info.si_code, info.si_status);
    }

    private static void Prctl(string name, int option, nuint argument)
        => Check.Result(Libc.prctl(option, argument, 0, 0, 0), "prctl", name);
}
