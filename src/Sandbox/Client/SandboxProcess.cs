using Crisp.Linux;
using Crisp.Sandbox.Processes;

namespace Crisp.Sandbox.Client;

/// <summary>A running pod's process, held by its pidfd. Disposing lets go of it; it does not end it.</summary>
public sealed class SandboxProcess : IDisposable
{
    private SandboxProcess(ProcessIdentity identity, FileDescriptor pidfd)
    {
        Identity = identity;
        Pidfd = pidfd;
    }

    /// <summary>To be stored, so that the process is found again after a restart of the daemon.</summary>
    public ProcessIdentity Identity { get; }

    public int Pid => Identity.Pid;

    /// <summary>Readable once the process has ended (pidfd_open(2)).</summary>
    public FileDescriptor Pidfd { get; }

    public bool HasEnded => WaitForEnd(TimeSpan.Zero);

    /// <summary>The process that was stored, if it still runs.</summary>
    public static SandboxProcess? Find(ProcessIdentity identity)
    {
        FileDescriptor pidfd;
        try
        {
            pidfd = Linux.Processes.PidfdOpen(identity.Pid);
        }
        catch (LinuxException e) when (e.Errno is Errno.ESRCH or Errno.EINVAL)
        {
            return null;
        }

        // The number is compared while the pidfd holds it, so that it cannot change hands in between.
        if (ProcessIdentity.Read(identity.Pid) == identity)
        {
            return new SandboxProcess(identity, pidfd);
        }

        pidfd.Dispose();
        return null;
    }

    /// <summary>Waits; a child of this process that has ended is reaped.</summary>
    /// <returns>False when the time is over.</returns>
    public bool WaitForEnd(TimeSpan timeout)
    {
        if (!Poll.WaitReadable(Pidfd, timeout))
        {
            return false;
        }

        Linux.Processes.TryWaitPidfd(Pidfd);
        return true;
    }

    /// <summary>SIGKILL. Its containers go on: their cgroups are the caller's to kill.</summary>
    public void Kill() => Linux.Processes.PidfdSendSignal(Pidfd, Signals.Kill);

    public void Dispose() => Pidfd.Dispose();

    /// <param name="pidfd">Of a child that nobody has reaped.</param>
    internal static SandboxProcess Adopt(int pid, FileDescriptor pidfd)
    {
        var identity = ProcessIdentity.Read(pid)
            ?? throw new InvalidOperationException($"The child {pid} has been reaped by somebody else.");
        return new SandboxProcess(identity, pidfd);
    }
}
