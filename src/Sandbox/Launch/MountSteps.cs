using System.Globalization;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>
/// Steps that attach the mounts of the specification. /proc and what lies in it come last: until then no symlink of an image
/// or a volume can lead to a file of /proc, and what was mounted on its directory is hidden (CVE-2019-16884, CVE-2025-52881).
/// </summary>
internal sealed class MountSteps(PlanBuilder builder, RootTree tree, ContainerPlanInput input)
{
    private PlanDescriptor? _devpts;

    /// <summary>The container's own devpts.</summary>
    internal PlanDescriptor Devpts => _devpts
        ?? throw new SandboxException(RpcCode.InvalidArgument, "The container has a terminal, but no devpts is mounted on /dev/pts.");

    /// <param name="proc">Those on /proc and beneath it, or all the others; in the specification's order.</param>
    internal void Attach(bool proc)
    {
        for (var i = 0; i < input.Mounts.Count; i++)
        {
            if (ImagePath.IsAtOrBelow(input.Mounts[i].Target, "proc") == proc)
            {
                Attach(input.Spec.Mounts[i], input.Mounts[i]);
            }
        }
    }

    private void Attach(MountSpec mount, MountInput place)
    {
        builder.Label($"Mount /{place.Target}");
        var source = place.Source is { } given ? builder.Descriptor($"mount of /{place.Target}", given) : Make(mount);

        // Filesystems of the kernel's must lie where everybody expects them, whatever the image has there.
        var target = tree.MountPoint(place.Target, place.IsFile, real: mount.Source is KernelSource);
        builder.MoveMount(source, target);
        tree.Covered(place.Target);
        if (mount.Source is KernelSource { Type: "cgroup" } && input.Facts.Cgroups == Cgroups.CgroupVersion.V1)
        {
            new CgroupV1Steps(builder, input.Facts.Hierarchies).Fill(source, Attributes(mount));
        }
    }

    private PlanDescriptor Make(MountSpec mount) => mount.Source switch
    {
        TmpfsSource tmpfs => Tmpfs(mount, tmpfs),
        KernelSource { Type: "cgroup" } when input.Facts.Cgroups == Cgroups.CgroupVersion.V1
            => CgroupV1Steps.Tmpfs(builder, Attributes(mount) & ~MountAttributes.ReadOnly),
        KernelSource { Type: "cgroup" } => Kernel("cgroup2", mount),
        KernelSource { Type: "devpts" } => NewDevpts(mount),
        KernelSource { Type: "proc" or "sysfs" or "mqueue" } kernel => Kernel(kernel.Type, mount),
        KernelSource kernel => throw new SandboxException(
            RpcCode.InvalidArgument, $"{mount.Target} is to be a filesystem of type {kernel.Type}; proc, sysfs, mqueue, cgroup and devpts can be."),
        _ => throw new SandboxException(RpcCode.InvalidArgument, $"The source of the mount on {mount.Target} came without a descriptor."),
    };

    private StepReference Kernel(string type, MountSpec mount)
    {
        var context = builder.NewFilesystem(type);
        return Finish(context, mount);
    }

    private StepReference NewDevpts(MountSpec mount)
    {
        const uint Tty = 5;
        var context = builder.NewFilesystem("devpts");
        builder.FsConfigFlag(context, "newinstance");
        builder.FsConfigString(context, "ptmxmode", "0666");
        builder.FsConfigString(context, "mode", "0620");
        if (IdMap.ToNode(input.Namespaces.GidMappings, Tty) is not null)
        {
            builder.FsConfigString(context, "gid", "5");
        }

        var devpts = Finish(context, mount);
        _devpts = devpts;
        return devpts;
    }

    private StepReference Tmpfs(MountSpec mount, TmpfsSource tmpfs)
    {
        var context = builder.NewFilesystem("tmpfs");
        builder.FsConfigString(context, "mode", Convert.ToString(tmpfs.Mode, 8));
        if (tmpfs.SizeBytes > 0)
        {
            builder.FsConfigString(context, "size", tmpfs.SizeBytes.ToString(CultureInfo.InvariantCulture));
        }

        return Finish(context, mount);
    }

    private StepReference Finish(StepReference context, MountSpec mount)
    {
        builder.FsConfigCreate(context);
        return builder.FsMount(context, Attributes(mount)).As($"mount of {mount.Target}");
    }

    internal static MountAttributes Attributes(MountSpec mount)
        => (mount.Readonly || mount.RecursiveReadonly ? MountAttributes.ReadOnly : 0)
            | (mount.Nosuid ? MountAttributes.NoSuid : 0)
            | (mount.Nodev ? MountAttributes.NoDev : 0)
            | (mount.Noexec ? MountAttributes.NoExec : 0);
}
