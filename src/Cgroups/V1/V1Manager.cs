using Crisp.Cgroups.Polling;
using Crisp.Linux;

namespace Crisp.Cgroups.V1;

/// <summary>
/// cgroup-v1/cgroups.rst. A cgroup is made in every hierarchy, named ones included: in systemd's own hierarchy a container
/// would otherwise stay in the daemon's unit and end with it. In a hybrid's v2 tree it is made for cgroup.kill, which no fork
/// escapes, and for pressure; limits use the v1 controllers.
/// </summary>
internal sealed class V1Manager(IReadOnlyList<CgroupHierarchy> hierarchies) : ICgroupManager
{
    public CgroupVersion Version => CgroupVersion.V1;

    public CgroupFacts Facts
    {
        get
        {
            var mounts = new List<string>();
            var controllers = new SortedSet<string>(StringComparer.Ordinal);
            var version1 = new List<CgroupV1Hierarchy>();
            var unified = false;
            foreach (var hierarchy in hierarchies)
            {
                mounts.Add(hierarchy.MountPoint);
                unified |= hierarchy.Unified;
                if (!hierarchy.Unified)
                {
                    version1.Add(new CgroupV1Hierarchy(Path.GetFileName(hierarchy.MountPoint), hierarchy.Controllers, hierarchy.Name));
                }

                foreach (var controller in hierarchy.Controllers)
                {
                    controllers.Add(controller == "blkio" ? "io" : controller);
                }
            }

            return new CgroupFacts
            {
                Version = Version,
                Hybrid = unified,
                MountPoints = mounts,
                Hierarchies = version1,
                Controllers = [.. controllers],
                AtomicKill = unified,
                Pressure = unified && CgroupFile.Exists("/proc/pressure/cpu"),
                HugepageSizes = controllers.Contains("hugetlb") ? HugepageSizes.All() : [],
            };
        }
    }

    public ICgroup Create(CgroupPath path)
    {
        foreach (var hierarchy in hierarchies)
        {
            var cpuset = hierarchy.Has("cpuset");
            CgroupTree.Make(hierarchy.MountPoint, path, (parent, _) =>
            {
                if (cpuset && parent != hierarchy.MountPoint)
                {
                    FillCpuset(parent);
                }
            });
            if (cpuset)
            {
                FillCpuset($"{hierarchy.MountPoint}/{path}");
            }
        }

        return Open(path);
    }

    public ICgroup CreateLeaf(CgroupPath path) => Create(path);

    public ICgroup Open(CgroupPath path) => new V1Cgroup(path, hierarchies);

    ICgroup ICgroupManager.Open(CgroupPath path, HeldFiles held) => new V1Cgroup(path, hierarchies, held);

    private static void FillCpuset(string directory)
    {
        var parent = Path.GetDirectoryName(directory)!;
        foreach (var file in (ReadOnlySpan<string>)["cpuset.cpus", "cpuset.mems"])
        {
            if (CgroupFile.TryReadText($"{directory}/{file}") is "")
            {
                CgroupFile.Write(
                    $"{directory}/{file}",
                    CgroupFile.TryReadText($"{parent}/{file}") ?? "",
                    errno => errno == Errno.EACCES ? $"{parent}/{file} does not have these" : null);
            }
        }
    }
}
