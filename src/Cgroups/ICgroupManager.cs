using Crisp.Cgroups.Polling;

namespace Crisp.Cgroups;

/// <summary>Which interface of the kernel limits the processes of this machine.</summary>
public enum CgroupVersion
{
    /// <summary>cgroup-v1/cgroups.rst, one hierarchy for each group of controllers; with a v2 tree beside them it is a hybrid.</summary>
    V1 = 1,

    /// <summary>cgroup-v2.rst, the unified hierarchy.</summary>
    V2 = 2,
}

/// <summary>Who makes the cgroups of pods: a kubelet must use the same.</summary>
public enum CgroupDriver
{
    /// <summary>crisp, as directories beneath the hierarchies' mount points.</summary>
    Cgroupfs,

    /// <summary>systemd, as a scope for each pod; what is below it crisp makes itself.</summary>
    Systemd,
}

/// <summary>
/// Makes cgroups as directories beneath the hierarchies' mount points. Inside a container or a VM the
/// mount point may show a cgroup that is not the machine's root; all paths are relative to what is mounted.
/// </summary>
/// <remarks>With the systemd driver the directories lie in a scope that systemd has delegated (<see cref="Systemd.SystemdUnits"/>).</remarks>
public interface ICgroupManager
{
    public CgroupVersion Version { get; }

    /// <summary>What this machine's cgroups can do.</summary>
    public CgroupFacts Facts { get; }

    /// <summary>
    /// Makes the cgroup and what is missing above it, in every hierarchy. On v2 the controllers are enabled down to it, on v1
    /// empty cpusets on the way are filled from their parents (cpusets.rst: a group without processors takes no process).
    /// Idempotent; siblings may be made and removed at the same time.
    /// </summary>
    /// <exception cref="CgroupException">For example EBUSY of v2, when a cgroup on the way holds processes of its own.</exception>
    public ICgroup Create(CgroupPath path);

    /// <summary>
    /// Makes the cgroup and what is missing above it, and no more: on v2 no controller is enabled on the way. So it can be made
    /// beside processes that are to move into it, for only then may controllers be enabled above it.
    /// </summary>
    public ICgroup CreateLeaf(CgroupPath path);

    /// <summary>A cgroup that exists, or existed: nothing is made or checked.</summary>
    public ICgroup Open(CgroupPath path);

    /// <summary>The same, whose statistics and limits are read from files that stay open.</summary>
    internal ICgroup Open(CgroupPath path, HeldFiles held);
}
