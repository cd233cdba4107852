using Crisp.Cgroups;

namespace Crisp.Sandbox.Launch;

/// <summary>What plans depend on besides specifications: the machine they are for.</summary>
/// <param name="Hierarchies">Of cgroup v1; empty on v2.</param>
/// <param name="LastCapability">The highest capability that the kernel knows, CAP_LAST_CAP.</param>
/// <param name="HasKcore">Whether the kernel has /proc/kcore, to which /dev/core leads.</param>
public sealed record LaunchFacts(CgroupVersion Cgroups, IReadOnlyList<CgroupV1Hierarchy> Hierarchies, int LastCapability, bool HasKcore)
{
    /// <summary>This machine.</summary>
    public static LaunchFacts From(CgroupFacts cgroups)
    {
        var last = 0;
        while (Linux.Processes.IsInBoundingSet(last + 1) is not null)
        {
            last++;
        }

        return new LaunchFacts(cgroups.Version, cgroups.Hierarchies, last, File.Exists("/proc/kcore"));
    }
}
