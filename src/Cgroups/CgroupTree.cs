using System.Buffers.Text;
using System.Diagnostics;
using Crisp.Linux;

namespace Crisp.Cgroups;

/// <summary>A directory of cgroups with those below it, which a container may have made.</summary>
internal static class CgroupTree
{
    private const uint DirectoryMode = 0x1ED; // 0755

    /// <summary>mkdir of each directory that is missing below the root.</summary>
    public static void Make(string root, CgroupPath path, Action<string, string> beforeChild)
    {
        var parent = root;
        foreach (var name in path.Value.Split('/'))
        {
            var child = $"{parent}/{name}";
            beforeChild(parent, child);
            try
            {
                MakeOne(child);
            }
            catch (LinuxException e) when (e.Errno == Errno.EEXIST)
            {
                // Made before, or by a sibling at the same time.
            }
            catch (LinuxException e)
            {
                throw new CgroupException("make", child, e.Errno, e.Errno == Errno.ENOENT ? "Its parent was removed at the same time" : null);
            }

            parent = child;
        }
    }

    // Whatever the umask: cgroup2 mounted in a cgroup namespace is reached by a walk from the root, as the user who mounts it,
    // and a pod with a user namespace has no rights over the node's directories but those of others.
    private static void MakeOne(string path)
    {
        Files.MkdirAt(FileDescriptor.CurrentDirectory, path, DirectoryMode);
        using var made = Files.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory);
        Files.Fchmod(made, DirectoryMode);
    }

    /// <summary>The cgroup and all below it, the lowest first.</summary>
    public static List<string> LowestFirst(string directory)
    {
        var found = new List<string>();
        Collect(directory, found);
        return found;
    }

    public static bool HasChildren(string directory) => LowestFirst(directory).Count > 1;

    public static void Processes(string directory, ISet<int> pids)
    {
        foreach (var cgroup in LowestFirst(directory))
        {
            ReadOnlySpan<byte> text = CgroupFile.TryReadAll($"{cgroup}/cgroup.procs");
            while (Utf8Parser.TryParse(text, out int pid, out var length))
            {
                // 0: a process that has no number in this PID namespace.
                if (pid != 0)
                {
                    pids.Add(pid);
                }

                text = text[Math.Min(length + 1, text.Length)..];
            }
        }
    }

    /// <summary>Calls an attempt until it answers true, at least once, with pauses of 1 to 32 ms.</summary>
    public static bool Until(TimeSpan timeout, Func<bool> attempt)
    {
        var clock = Stopwatch.StartNew();
        for (var pause = 1; !attempt(); pause = Math.Min(pause * 2, 32))
        {
            if (clock.Elapsed >= timeout)
            {
                return false;
            }

            Thread.Sleep(pause);
        }

        return true;
    }

    /// <summary>rmdir of all, the lowest first, until the time is over.</summary>
    public static void Remove(string directory, TimeSpan timeout)
    {
        var last = (Path: directory, Errno: Errno.None);
        if (!Until(timeout, () => TryRemove(directory, out last)))
        {
            var pids = new SortedSet<int>();
            Processes(directory, pids);
            var holders = pids.Count == 0 ? "No process is in it" : $"Processes are in it: {string.Join(", ", pids)}";
            throw new CgroupException("remove", last.Path, last.Errno, $"{holders}, after {timeout.TotalSeconds:0.###} s");
        }
    }

    private static bool TryRemove(string directory, out (string Path, Errno Errno) last)
    {
        last = (directory, Errno.None);
        foreach (var cgroup in LowestFirst(directory))
        {
            try
            {
                Files.RmdirAt(FileDescriptor.CurrentDirectory, cgroup);
            }
            catch (LinuxException e) when (e.Errno == Errno.ENOENT)
            {
                // Gone already.
            }
            catch (LinuxException e) when (e.Errno is Errno.EBUSY or Errno.ENOTEMPTY)
            {
                // The last process is on its way out, or a child was made meanwhile.
                last = (cgroup, e.Errno);
                return false;
            }
            catch (LinuxException e)
            {
                throw new CgroupException("remove", cgroup, e.Errno);
            }
        }

        return true;
    }

    private static void Collect(string directory, List<string> found)
    {
        // kernfs counts a directory's directories: 2 is none below, and saves to read the names of forty files.
        if (Files.TryStatusAt(FileDescriptor.CurrentDirectory, directory, out _) is { Links: 2, Type: FileType.Directory })
        {
            found.Add(directory);
            return;
        }

        string[] children;
        try
        {
            children = Directory.GetDirectories(directory);
        }
        catch (DirectoryNotFoundException)
        {
            // Removed meanwhile: it has no processes and nothing below it.
            return;
        }

        foreach (var child in children)
        {
            Collect(child, found);
        }

        found.Add(directory);
    }
}
