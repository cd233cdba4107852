using Crisp.Linux.Interop;

namespace Crisp.Linux.Plans;

/// <summary>Starts a child that carries out a plan.</summary>
public static class PlanLauncher
{
    internal const ulong CloneIntoCgroup = 0x2_0000_0000;

    private const ulong ClonePidfd = 0x1000;
    private const ulong CloneClearSighand = 0x1_0000_0000;
    private const ulong SigChld = 17;

    /// <summary>
    /// clone3(2) with CLONE_PIDFD, CLONE_CLEAR_SIGHAND and the namespaces, never CLONE_VM. The child begins its plan at once.
    /// Namespaces that the calling thread has set for its children (setns of a PID namespace) apply.
    /// </summary>
    /// <param name="namespaces">New ones, made in one step; a user namespace is made before the others and owns them.</param>
    /// <param name="cgroup">A cgroup v2 directory to be born in (CLONE_INTO_CGROUP).</param>
    /// <exception cref="LinuxException">clone3 failed, for example EAGAIN: the cgroup's or the user's limit of processes.</exception>
    public static PlanProcess Launch(Plan plan, NamespaceFlags namespaces = NamespaceFlags.None, FileDescriptor? cgroup = null)
    {
        var (statusRead, statusWrite) = Pipes.Create();
        using var childStatus = statusWrite;
        try
        {
            var (goRead, goWrite) = Pipes.Create();
            using var childGo = goRead;
            try
            {
                var (pid, pidfd) = Clone(plan, namespaces, cgroup, statusWrite, goRead);
                return new PlanProcess(plan, pid, pidfd, statusRead, goWrite);
            }
            catch
            {
                goWrite.Dispose();
                throw;
            }
        }
        catch
        {
            statusRead.Dispose();
            throw;
        }
    }

    private static (int Pid, FileDescriptor Pidfd) Clone(
        Plan plan, NamespaceFlags namespaces, FileDescriptor? cgroup, FileDescriptor status, FileDescriptor go)
    {
        var pidfd = -1;
        int pid;
        // SAFETY: the kernel writes the pidfd into this stack frame of the parent before clone3 returns.
        unsafe
        {
            var arguments = new clone_args
            {
                flags = ClonePidfd | CloneClearSighand | (ulong)namespaces | (cgroup is null ? 0 : CloneIntoCgroup),
                pidfd = (ulong)(&pidfd),
                exit_signal = SigChld,
                cgroup = cgroup is null ? 0 : (ulong)cgroup.Number,
            };
            pid = plan.Launch(ref arguments, status, go);
        }

        GC.KeepAlive(cgroup);
        return pid > 0 ? (pid, new FileDescriptor(pidfd)) : throw new LinuxException(
            "clone3", (Errno)(-pid), cgroup is null ? null : Files.NameOf(cgroup));
    }
}
