using Crisp.Cgroups.V1;
using Crisp.Cgroups.V2;

namespace Crisp.Cgroups;

/// <summary>Finds out which cgroups this machine has.</summary>
public static class CgroupManager
{
    /// <summary>
    /// Reads /proc/self/mountinfo and /proc/cgroups. A machine with a cpu, memory or pids controller on v1 is v1, even with a v2
    /// tree beside it; a stray v1 hierarchy (net_cls) beside v2 changes nothing.
    /// </summary>
    /// <exception cref="CgroupUnsupportedException">No hierarchy is mounted.</exception>
    public static ICgroupManager Detect()
        => From(CgroupHierarchy.Read(File.ReadAllText("/proc/self/mountinfo"), CgroupFile.TryReadText("/proc/cgroups") ?? ""));

    internal static ICgroupManager From(List<CgroupHierarchy> hierarchies)
    {
        CgroupHierarchy? unified = null;
        var version1 = false;
        foreach (var hierarchy in hierarchies)
        {
            unified ??= hierarchy.Unified ? hierarchy : null;
            version1 |= hierarchy.Has("cpu") || hierarchy.Has("memory") || hierarchy.Has("pids");
        }

        if (version1)
        {
            return new V1Manager(hierarchies);
        }

        return unified is not null
            ? new V2Manager(unified.MountPoint)
            : throw new CgroupUnsupportedException("No cgroup hierarchy is mounted. Mount one: mount -t cgroup2 none /sys/fs/cgroup.");
    }
}
