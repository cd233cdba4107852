namespace Crisp.Cgroups;

/// <summary>What this machine's cgroups can do, for <c>crisp check</c>.</summary>
public sealed record CgroupFacts
{
    public required CgroupVersion Version { get; init; }

    /// <summary>Version 1 with a v2 tree beside it.</summary>
    public required bool Hybrid { get; init; }

    /// <summary>Where the hierarchies are mounted.</summary>
    public required IReadOnlyList<string> MountPoints { get; init; }

    /// <summary>The hierarchies of version 1, as a container's /sys/fs/cgroup shows them; empty on version 2.</summary>
    public IReadOnlyList<CgroupV1Hierarchy> Hierarchies { get; init; } = [];

    /// <summary>The controllers that can be used, by v2's names (io, not blkio), in alphabetical order.</summary>
    public required IReadOnlyList<string> Controllers { get; init; }

    /// <summary>cgroup.kill exists (Linux 5.14).</summary>
    public required bool AtomicKill { get; init; }

    /// <summary>Pressure is reported per cgroup.</summary>
    public required bool Pressure { get; init; }

    /// <summary>Page sizes whose use can be limited: 2MB, 1GB.</summary>
    public required IReadOnlyList<string> HugepageSizes { get; init; }

    public bool Has(string controller)
    {
        foreach (var present in Controllers)
        {
            if (present == controller)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>A hierarchy of version 1.</summary>
/// <param name="Directory">Where it is mounted, without what is above: <c>cpu,cpuacct</c>.</param>
/// <param name="Name">Of one without controllers, for example systemd; null for all others.</param>
public sealed record CgroupV1Hierarchy(string Directory, IReadOnlyList<string> Controllers, string? Name);
