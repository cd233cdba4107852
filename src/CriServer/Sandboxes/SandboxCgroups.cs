using System.Globalization;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Linux;

namespace Crisp.CriServer.Sandboxes;

/// <summary>
/// The two cgroups of a pod: that of its containers, which its own process makes and limits, and that of the process itself,
/// outside of kubepods. The daemon kills and removes them when that process cannot.
/// </summary>
internal static class SandboxCgroups
{
    private const int SigKill = 9;
    private const int Tries = 200;
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Puts the pod's process where the kubelet neither counts nor limits it.</summary>
    public static void PlaceProcess(Node node, string id, int pid)
    {
        foreach (var hierarchy in node.Hierarchies)
        {
            var path = Path.Combine(hierarchy, ProcessPath(node, id));
            try
            {
                Directory.CreateDirectory(path);
                CopyCpuset(hierarchy, path);
                File.WriteAllText(Path.Combine(path, "cgroup.procs"), pid.ToString(CultureInfo.InvariantCulture));
            }
            catch (IOException e)
            {
                throw new IOException($"The pod's process {pid} cannot be put into the cgroup {path}: {e.Message}", e);
            }
        }
    }

    /// <summary>SIGKILL for every process of the pod's containers. Idempotent.</summary>
    public static void KillPod(Node node, SandboxRecord sandbox)
    {
        foreach (var path in Existing(node, sandbox.Spec.CgroupPath))
        {
            Kill(path);
        }
    }

    /// <summary>Kills what is left and removes both cgroups. Idempotent.</summary>
    /// <exception cref="IOException">A process of the pod cannot be killed: it waits in the kernel.</exception>
    /// <param name="cgroupPath">That of the pod's containers; null when it is not known.</param>
    public static void RemovePod(Node node, string sandboxId, string? cgroupPath)
    {
        var paths = Existing(node, ProcessPath(node, sandboxId)).Concat(cgroupPath is null ? [] : Existing(node, cgroupPath));
        foreach (var path in paths.ToList())
        {
            Remove(path);
        }
    }

    /// <summary>Removes the default parent when the daemon ends and no pod is left in it; the kubelet's parents are the kubelet's.</summary>
    public static void RemoveDefaultParent(Node node)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            var empty = Existing(node, node.DefaultCgroupParent).Where(parent => Directory.GetDirectories(parent).Length == 0).ToList();
            if (empty.TrueForAll(parent => TryRemove(parent, out _)))
            {
                return;
            }

            Thread.Sleep(_pause);
        }
    }

    private static string ProcessPath(Node node, string id) => $"{node.DefaultCgroupParent}/sandbox-{id}";

    private static IEnumerable<string> Existing(Node node, string path)
        => node.Hierarchies.Select(h => Path.Combine(h, path)).Where(Directory.Exists);

    private static void Remove(string path)
    {
        for (var tries = 0; ; tries++)
        {
            Kill(path);
            var last = "";
            if (Tree(path).All(p => TryRemove(p, out last)))
            {
                return;
            }

            // A killed process leaves its cgroup a moment after it has died, and v1 answers EBUSY for a while longer.
            if (tries == Tries)
            {
                throw new IOException($"The cgroup {path} cannot be removed: {last}");
            }

            Thread.Sleep(_pause);
        }
    }

    private static void Kill(string path)
    {
        var killFile = Path.Combine(path, "cgroup.kill");
        foreach (var directory in File.Exists(killFile) ? [] : Tree(path))
        {
            foreach (var pid in ReadPids(directory))
            {
                Processes.Kill(pid, SigKill);
            }
        }

        if (File.Exists(killFile))
        {
            File.WriteAllText(killFile, "1");
        }
    }

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException or IOException)
        {
            // Removed in between by the pod's own process (ENODEV, ENOENT).
            return [];
        }
    }

    private static IEnumerable<int> ReadPids(string directory)
        => ReadLines(Path.Combine(directory, "cgroup.procs")).Select(line => int.Parse(line, CultureInfo.InvariantCulture)).Where(pid => pid > 0);

    // Children before their parents.
    private static List<string> Tree(string path) => Directory.Exists(path)
        ? [.. Directory.GetDirectories(path, "*", SearchOption.AllDirectories).OrderByDescending(p => p.Length), path]
        : [];

    private static bool TryRemove(string path, out string reason)
    {
        reason = "";
        try
        {
            Files.RmdirAt(FileDescriptor.CurrentDirectory, path);
            return true;
        }
        catch (LinuxException e)
        {
            reason = e.Message;
            return e.Errno == Errno.ENOENT;
        }
    }

    // cpuset of v1: a group takes processes only once it has processors and memory nodes, and inherits none.
    private static void CopyCpuset(string hierarchy, string path)
    {
        if (!File.Exists(Path.Combine(hierarchy, "cpuset.cpus")) || File.Exists(Path.Combine(hierarchy, "cgroup.controllers")))
        {
            return;
        }

        var parent = hierarchy;
        foreach (var name in Path.GetRelativePath(hierarchy, path).Split('/'))
        {
            var group = Path.Combine(parent, name);
            foreach (var file in (string[])["cpuset.cpus", "cpuset.mems"])
            {
                if (File.ReadAllText(Path.Combine(group, file)).Trim().Length == 0)
                {
                    File.WriteAllText(Path.Combine(group, file), File.ReadAllText(Path.Combine(parent, file)).Trim());
                }
            }

            parent = group;
        }
    }
}
