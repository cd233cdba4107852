using Crisp.Cgroups.Polling;
using Crisp.Linux;

namespace Crisp.Cgroups.V2;

/// <summary>cgroup-v2.rst. The root may be a cgroup namespace's, which holds processes and then cannot distribute controllers.</summary>
internal sealed class V2Manager(string root) : ICgroupManager
{
    // What limits and statistics need; others are left as they are.
    private static readonly string[] _wanted = ["cpu", "cpuset", "hugetlb", "io", "memory", "pids"];

    public CgroupVersion Version => CgroupVersion.V2;

    public CgroupFacts Facts
    {
        get
        {
            var controllers = new List<string>(CgroupFile.TryReadText($"{root}/cgroup.controllers")?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? []);
            controllers.Sort(StringComparer.Ordinal);
            return new CgroupFacts
            {
                Version = Version,
                Hybrid = false,
                MountPoints = [root],
                Controllers = controllers,
                // The floor is Linux 6.1, and the file is nowhere in the root cgroup.
                AtomicKill = true,
                Pressure = CgroupFile.Exists("/proc/pressure/cpu"),
                HugepageSizes = controllers.Contains("hugetlb") ? HugepageSizes.All() : [],
            };
        }
    }

    public ICgroup Create(CgroupPath path)
    {
        CgroupTree.Make(root, path, (parent, _) => Enable(parent));
        return Open(path);
    }

    public ICgroup CreateLeaf(CgroupPath path)
    {
        CgroupTree.Make(root, path, static (_, _) => { });
        return Open(path);
    }

    public ICgroup Open(CgroupPath path) => new V2Cgroup(path, $"{root}/{path}");

    ICgroup ICgroupManager.Open(CgroupPath path, HeldFiles held) => new V2Cgroup(path, $"{root}/{path}", held);

    /// <summary>Top-down constraint: a controller reaches a cgroup only when every ancestor's subtree_control has it.</summary>
    private static void Enable(string parent)
    {
        var present = CgroupFile.TryReadText($"{parent}/cgroup.controllers")?.Split(' ') ?? [];
        var enabled = CgroupFile.TryReadText($"{parent}/cgroup.subtree_control")?.Split(' ') ?? [];
        foreach (var controller in _wanted)
        {
            if (Array.IndexOf(present, controller) >= 0 && Array.IndexOf(enabled, controller) < 0)
            {
                // One at a time, so that an error names its controller.
                CgroupFile.Write($"{parent}/cgroup.subtree_control", $"+{controller}", errno => Advice(parent, errno));
            }
        }
    }

    private static string? Advice(string parent, Errno errno) => errno switch
    {
        Errno.EBUSY => $"{parent} holds processes of its own, and cgroup v2 lets it limit children only when it holds none: move them into a cgroup below it",
        Errno.EOPNOTSUPP => $"{parent} is threaded or below a threaded cgroup (its cgroup.type says which): pods need one of type domain",
        Errno.EINVAL => "The cpu controller cannot be enabled while real-time processes are outside of the root cgroup",
        _ => null,
    };
}
