using System.Text.Json;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>What the kernel has and what the daemon says of it are the same: processes, cgroups, mounts, directories.</summary>
internal static class Invariants
{
    public static async Task CheckAsync(PodNode node)
    {
        var pods = (await node.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items;
        var containers = (await node.Runtime.ListContainersAsync(new ListContainersRequest())).Containers;
        var ready = pods.Where(p => p.State == PodSandboxState.SandboxReady).Select(p => p.Id).ToHashSet();
        var machines = pods.Where(p => p.RuntimeHandler == VmPodNode.Handler).Select(p => p.Id).ToHashSet();
        var running = containers.Where(c => c.State == ContainerState.ContainerRunning).ToList();
        var root = node.Daemon.Root;

        // Directories and records.
        Assert.Equal(pods.Select(p => p.Id + ".json").Order(), Names(Path.Combine(root, "records", "sandboxes")));
        Assert.Equal(containers.Select(c => c.Id + ".json").Order(), Names(Path.Combine(root, "records", "containers")));
        Assert.Equal(pods.Select(p => p.Id).Order(), Names(Path.Combine(root, "sandboxes")));
        Assert.Equal(containers.Select(c => c.Id).Order(), Names(Path.Combine(root, "containers")));
        Assert.Equal(ready.Select(RunName).Order(), Names(Path.Combine(node.Daemon.Run, "sandboxes")));

        // Leases, and what is remembered of them: of ready pods with a network of their own.
        var joined = new List<string>();
        foreach (var id in ready)
        {
            if ((await node.PodStatusAsync(id)).Linux.Namespaces.Options.Network == NamespaceMode.Pod)
            {
                joined.Add(id);
            }
        }

        Assert.Equal(joined.Order(StringComparer.Ordinal), node.Network.Leases);
        Assert.Equal(joined.Select(id => $"{id}@eth0.json").Order(StringComparer.Ordinal), Names(Path.Combine(root, "cni")).Order(StringComparer.Ordinal));

        // Mounts of the node: the shm of ready pods; a machine has its own.
        var mounts = File.ReadLines("/proc/self/mountinfo").Select(l => l.Split(' ')[4]);
        Assert.Equal(
            ready.Except(machines).Select(id => Path.Combine(node.Daemon.Run, "sandboxes", RunName(id), "shm")).Order(),
            mounts.Where(m => m.StartsWith(node.Daemon.Run, StringComparison.Ordinal) || m.StartsWith(root, StringComparison.Ordinal)).Order());

        // Processes: one for each ready pod, and in the pods' cgroups those of running containers alone.
        var own = PodProcesses(node);
        Assert.Equal(ready.Order(), own.Values.Order());
        var inside = ProcessesIn(node);
        Assert.DoesNotContain(inside, p => !IsPodsOwn(p.Cgroup, ready) && !running.Any(c => p.Cgroup.Contains(c.Id, StringComparison.Ordinal)));
        foreach (var container in running)
        {
            if (machines.Contains(container.PodSandboxId))
            {
                // Of its processes the node has the one that is the machine.
                var pid = PidOf(node, container.Id);
                Assert.Equal(container.PodSandboxId, own[pid]);
                Assert.Contains(inside, p => p.Pid == pid && p.Cgroup.EndsWith("/machine", StringComparison.Ordinal));
                continue;
            }

            Assert.Contains(inside, p => p.Cgroup.EndsWith(container.Id, StringComparison.Ordinal) && p.Pid == PidOf(node, container.Id));
        }

        // Cgroups: of ready pods and of their containers.
        foreach (var path in CgroupsOf(node))
        {
            var id = Path.GetFileName(path);
            Assert.True(
                ready.Contains(id.Replace("crisp-", "", StringComparison.Ordinal)) || ready.Any(r => path.Contains(r, StringComparison.Ordinal)),
                $"{path} is left over");
        }
    }

    /// <summary>The pods' processes of this daemon: pid to pod.</summary>
    public static Dictionary<int, string> PodProcesses(PodNode node)
    {
        var found = new Dictionary<int, string>();
        foreach (var pid in Pids())
        {
            var arguments = Read($"/proc/{pid}/cmdline").Split('\0');
            var at = Array.IndexOf(arguments, "--run-dir");
            if (at > 1 && arguments[at + 1].StartsWith(node.Daemon.Run, StringComparison.Ordinal))
            {
                found[pid] = arguments[at - 1];
            }
        }

        return found;
    }

    /// <summary>Directories of our cgroup parent in every hierarchy.</summary>
    public static IReadOnlyList<string> CgroupsOf(PodNode node) =>
    [
        .. Roots(node).SelectMany(root => Directory.GetDirectories(root, "*", SearchOption.AllDirectories)),
    ];

    /// <summary>Removes the parent, which is the kubelet's in real life.</summary>
    public static void RemoveParent(PodNode node)
    {
        TestCgroups.StopSlice(node.CgroupParent);
        foreach (var root in Roots(node))
        {
            // v1 answers EBUSY for a while after the last process has gone.
            for (var tries = 0; Directory.Exists(root); tries++)
            {
                try
                {
                    Directory.Delete(root);
                }
                catch (IOException) when (tries < 200)
                {
                    Thread.Sleep(20);
                }
            }
        }
    }

    public static int PidOf(PodNode node, string container)
    {
        var info = node.Runtime.ContainerStatus(new ContainerStatusRequest { ContainerId = container, Verbose = true }).Info["info"];
        using var document = JsonDocument.Parse(info);
        return document.RootElement.GetProperty("pid").GetInt32();
    }

    private static IEnumerable<string> Roots(PodNode node) =>
        new[] { "/sys/fs/cgroup" }.Concat(Directory.GetDirectories("/sys/fs/cgroup"))
            .Select(d => Path.Combine(d, node.CgroupParent)).Where(Directory.Exists).Distinct();

    private static string RunName(string id) => id[..32];

    private static bool IsPodsOwn(string cgroup, HashSet<string> ready) => ready.Any(id =>
        cgroup.EndsWith("crisp-" + id, StringComparison.Ordinal) || cgroup.EndsWith($"crisp-{id}.scope/holder", StringComparison.Ordinal)
        || cgroup.EndsWith($"crisp-{id}/machine", StringComparison.Ordinal));

    private static List<(int Pid, string Cgroup)> ProcessesIn(PodNode node) =>
    [
        .. from pid in Pids()
           let line = Read($"/proc/{pid}/cgroup").Split('\n').FirstOrDefault(l => l.Contains(node.CgroupParent, StringComparison.Ordinal))
           where line is not null && !Read($"/proc/{pid}/stat").Contains(") Z ", StringComparison.Ordinal)
           select (pid, line),
    ];

    private static IEnumerable<int> Pids() =>
        Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(n => int.TryParse(n, out _)).Select(n => int.Parse(n!));

    // A process may go at any moment.
    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static IEnumerable<string> Names(string directory) => Directory.GetFileSystemEntries(directory).Select(Path.GetFileName).Order()!;
}
