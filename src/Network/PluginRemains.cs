using System.Globalization;
using System.Text;
using Crisp.Linux;

namespace Crisp.Network;

/// <summary>
/// Processes of plugins whose daemon is gone, or that have left their group. All of them have inherited an open file of the
/// attachment's cache entry; whoever has it open, and would hand it on to what it executes, is one of them.
/// </summary>
/// <remarks>
/// A process that the daemon is just starting for another purpose has copies of all its descriptors until it executes its
/// program. There this one is close-on-exec, as it is in the daemon, and such a process must not be touched.
/// </remarks>
internal static class PluginRemains
{
    private const int Tries = 100;
    private const int MaxInfo = 64 * 1024;
    private const string Flags = "flags:";
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Kills every process but this one that has the file open, and waits until none is left.</summary>
    /// <exception cref="CniException">One cannot be killed.</exception>
    public static void Kill(FileDescriptor held)
    {
        var file = Files.Status(held);
        for (var tries = 0; ; tries++)
        {
            var pids = Holders(file);
            if (pids.Count == 0)
            {
                return;
            }

            if (tries == Tries)
            {
                throw new CniException($"The process {pids[0]} of a CNI plugin cannot be killed: it waits in the kernel.");
            }

            foreach (var pid in pids)
            {
                Kill(pid, file);
            }

            Thread.Sleep(_pause);
        }
    }

    // The pidfd holds the number while the process is looked at a second time.
    private static void Kill(int pid, FileStatus file)
    {
        try
        {
            using var pidfd = Processes.PidfdOpen(pid);
            if (Holds(pid, file))
            {
                Processes.PidfdSendSignal(pidfd, Signals.Kill);
            }
        }
        catch (LinuxException e) when (e.Errno is Errno.ESRCH or Errno.EINVAL)
        {
            // Gone in between.
        }
    }

    private static List<int> Holders(FileStatus file)
    {
        using var proc = Files.Open("/proc", OpenFlags.Directory);
        return
        [
            .. Files.ReadDirectory(proc)
                .Select(name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
                .Where(pid => pid != 0 && pid != Environment.ProcessId && Holds(pid, file)),
        ];
    }

    private static bool Holds(int pid, FileStatus file)
    {
        try
        {
            using var directory = Files.Open($"/proc/{pid}/fd", OpenFlags.Directory);
            return Files.ReadDirectory(directory).Any(name => Is(directory, name, file) && IsInheritable(pid, name));
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH or Errno.EACCES)
        {
            // It has ended, or it is somebody's whom this process may not look at, and so not ours.
            return false;
        }
    }

    // proc_pid_fdinfo(5): "flags:" in octal, with O_CLOEXEC.
    private static bool IsInheritable(int pid, string name)
    {
        using var info = Files.Open($"/proc/{pid}/fdinfo/{name}", OpenFlags.ReadOnly);
        var line = Encoding.ASCII.GetString(Files.ReadToEnd(info, MaxInfo)).Split('\n').First(l => l.StartsWith(Flags, StringComparison.Ordinal));
        return ((OpenFlags)Convert.ToInt32(line[Flags.Length..].Trim(), 8) & OpenFlags.CloseOnExec) == 0;
    }

    private static bool Is(FileDescriptor directory, string name, FileStatus file)
    {
        try
        {
            // Opening would follow the link into pipes and devices; O_PATH only names what it leads to.
            using var open = Files.OpenAt(directory, name, OpenFlags.Path);
            var status = Files.Status(open);
            return status.Inode == file.Inode && status.Filesystem == file.Filesystem;
        }
        catch (LinuxException)
        {
            // Closed in between.
            return false;
        }
    }
}
