using Crisp.Cgroups;
using Crisp.Linux;

namespace Crisp.Sandbox.Processes;

/// <param name="OutOfMemoryKills">Processes that the kernel has killed for want of memory.</param>
/// <param name="OpenFilesLimit">RLIMIT_NOFILE of the main process, soft; null when it has just ended or has no limit.</param>
public sealed record ProcessCounts(ulong Processes, ulong FileDescriptors, ulong Sockets, ulong OutOfMemoryKills, ulong? OpenFilesLimit);

/// <summary>Counts what the processes of a container have open (proc_pid_fd(5)), and what they may (proc_pid_limits(5)).</summary>
public static class ProcessCounter
{
    /// <param name="mainPid">Whose limits count; 0 for none.</param>
    public static ProcessCounts Count(ICgroup cgroup, int mainPid)
    {
        var pids = cgroup.SettledProcesses();
        var (descriptors, sockets) = Descriptors(pids);
        return new ProcessCounts((ulong)pids.Count, descriptors, sockets, cgroup.OomKillCount, mainPid == 0 ? null : OpenFilesLimit(mainPid));
    }

    /// <summary>Open descriptors, and how many of them are sockets.</summary>
    public static (ulong All, ulong Sockets) Descriptors(IReadOnlyList<int> pids)
    {
        var (descriptors, sockets) = (0UL, 0UL);
        foreach (var pid in pids)
        {
            try
            {
                using var directory = Files.Open($"/proc/{pid}/fd", OpenFlags.Directory);
                foreach (var number in Files.ReadDirectory(directory))
                {
                    descriptors++;
                    sockets += IsSocket(directory, number) ? 1UL : 0;
                }
            }
            catch (LinuxException e) when (IsGone(e))
            {
                // It ended while it was being counted.
            }
        }

        return (descriptors, sockets);
    }

    private static bool IsSocket(FileDescriptor directory, string number)
    {
        try
        {
            return Files.ReadlinkAt(directory, number).StartsWith("socket:", StringComparison.Ordinal);
        }
        catch (LinuxException e) when (IsGone(e))
        {
            // Closed meanwhile.
            return false;
        }
    }

    private static ulong? OpenFilesLimit(int pid)
    {
        try
        {
            var soft = ResourceLimits.DescriptorsOf(pid);
            return soft == ResourceLimits.Infinity ? null : soft;
        }
        catch (LinuxException e) when (IsGone(e))
        {
            return null;
        }
    }

    private static bool IsGone(LinuxException error) => error.Errno is Errno.ENOENT or Errno.ESRCH;
}
