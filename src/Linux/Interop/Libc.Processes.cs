using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Tmds.Linux;

namespace Crisp.Linux.Interop;

// bits/types/siginfo_t.h: struct siginfo_t as waitid(2) fills it
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal struct siginfo_wait
{
    internal int si_signo;
    internal int si_errno;
    internal int si_code;
    internal int __pad0;
    internal int si_pid;
    internal uint si_uid;
    internal int si_status;
}

// sys/resource.h: struct rlimit
[StructLayout(LayoutKind.Sequential)]
internal struct rlimit
{
    internal ulong rlim_cur;
    internal ulong rlim_max;
}

internal static unsafe partial class Libc
{
    // int pidfd_open(pid_t pid, unsigned int flags);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint pidfd_open(nint number, int pid, uint flags);

    // int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint pidfd_send_signal(nint number, FileDescriptor pidfd, int sig, void* info, uint flags);

    // int pidfd_getfd(int pidfd, int targetfd, unsigned int flags);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint pidfd_getfd(nint number, FileDescriptor pidfd, int targetfd, uint flags);

    // int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int waitid(int idtype, int id, siginfo_wait* infop, int options);

    // int kill(pid_t pid, int sig);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int kill(int pid, int sig);

    // int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int prctl(int option, nuint arg2, nuint arg3, nuint arg4, nuint arg5);

    // int prlimit(pid_t pid, int resource, const struct rlimit *new_limit, struct rlimit *old_limit);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int prlimit(int pid, int resource, rlimit* new_limit, rlimit* old_limit);

    // uid_t geteuid(void);
    [LibraryImport(Name)]
    internal static partial uint geteuid();

    // gid_t getegid(void);
    [LibraryImport(Name)]
    internal static partial uint getegid();

    // mode_t umask(mode_t mask);
    [LibraryImport(Name)]
    internal static partial uint umask(uint mask);

    // int setns(int fd, int nstype);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int setns(FileDescriptor fd, int nstype);

    // int unshare(int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int unshare(int flags);

    // int sethostname(const char *name, size_t len);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int sethostname([MarshalUsing(typeof(PathMarshaller))] string name, nint len);

    // int pthread_sigmask(int how, const sigset_t *set, sigset_t *oldset);
    [LibraryImport(Name)]
    internal static partial int pthread_sigmask(int how, sigset_t* set, sigset_t* oldset);

    // int sigfillset(sigset_t *set);
    [LibraryImport(Name)]
    internal static partial int sigfillset(sigset_t* set);

    // int execve(const char *pathname, char *const argv[], char *const envp[]);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int execve([MarshalUsing(typeof(PathMarshaller))] string pathname, byte** argv, byte** envp);

    // pid_t gettid(void);
    [LibraryImport(Name, EntryPoint = "syscall")]
    internal static partial nint gettid(nint number);

    // int tgkill(pid_t tgid, pid_t tid, int sig);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint tgkill(nint number, int tgid, int tid, int sig);

    // int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int sigtimedwait(sigset_t* set, void* info, timespec* timeout);

    // int signalfd(int fd, const sigset_t *mask, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int signalfd(int fd, sigset_t* mask, int flags);

    // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int poll(pollfd* fds, nuint nfds, int timeout);

    // int finit_module(int fd, const char *param_values, int flags);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint finit_module(
        nint number, FileDescriptor fd, [MarshalUsing(typeof(PathMarshaller))] string param_values, int flags);

    // void sync(void);
    [LibraryImport(Name)]
    internal static partial void sync();

    // int reboot(int howto);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int reboot(int howto);
}
