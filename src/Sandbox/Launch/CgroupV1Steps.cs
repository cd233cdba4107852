using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Linux.Plans;

namespace Crisp.Sandbox.Launch;

/// <summary>Steps that make /sys/fs/cgroup of cgroup v1: a tmpfs with a directory for each hierarchy, as the cgroup namespace shows it.</summary>
internal sealed class CgroupV1Steps(PlanBuilder builder, IReadOnlyList<CgroupV1Hierarchy> hierarchies)
{
    internal static StepReference Tmpfs(PlanBuilder builder, MountAttributes attributes)
    {
        var context = builder.NewFilesystem("tmpfs");
        builder.FsConfigString(context, "mode", "755");
        builder.FsConfigCreate(context);
        return builder.FsMount(context, attributes).As("cgroups");
    }

    /// <param name="cgroups">The tmpfs, attached and writable.</param>
    /// <param name="attributes">Of all these mounts.</param>
    internal void Fill(PlanDescriptor cgroups, MountAttributes attributes)
    {
        foreach (var hierarchy in hierarchies)
        {
            builder.MkdirAt(cgroups, hierarchy.Directory, 0x1ED);
            var directory = builder.OpenAt2(
                cgroups, hierarchy.Directory, OpenFlags.Path | OpenFlags.Directory, ResolveFlags.Beneath | ResolveFlags.NoSymlinks);
            directory.As($"directory {hierarchy.Directory}");
            builder.MoveMount(Hierarchy(hierarchy, attributes), directory);
            foreach (var controller in hierarchy.Controllers)
            {
                // cpu and cpuacct lead to cpu,cpuacct.
                if (controller != hierarchy.Directory)
                {
                    builder.SymlinkAt(hierarchy.Directory, cgroups, controller);
                }
            }
        }

        if ((attributes & MountAttributes.ReadOnly) != 0)
        {
            builder.MountSetAttr(cgroups, MountAttributes.ReadOnly);
        }
    }

    private StepReference Hierarchy(CgroupV1Hierarchy hierarchy, MountAttributes attributes)
    {
        var context = builder.NewFilesystem("cgroup");
        foreach (var controller in hierarchy.Controllers)
        {
            builder.FsConfigFlag(context, controller);
        }

        if (hierarchy.Name is { } name)
        {
            builder.FsConfigFlag(context, "none");
            builder.FsConfigString(context, "name", name);
        }

        builder.FsConfigCreate(context);
        return builder.FsMount(context, attributes).As(hierarchy.Directory);
    }
}
