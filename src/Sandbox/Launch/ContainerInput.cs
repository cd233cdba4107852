using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>Checks a launch, and finds out what the plan needs to know of its descriptors.</summary>
internal sealed class ContainerInput(LaunchFacts facts, FileDescriptor procfs)
{
    /// <param name="made">Gets the mounts that are made here, for the caller to dispose after the launch.</param>
    internal ContainerPlanInput Prepare(ContainerLaunch launch, List<FileDescriptor> made)
    {
        var spec = launch.Spec;
        Check(launch);
        var mounts = new List<MountInput>(spec.Mounts.Count);
        var covered = new List<string>(spec.Mounts.Count);
        for (var i = 0; i < spec.Mounts.Count; i++)
        {
            var mount = spec.Mounts[i];
            var target = Resolve(mount, launch.Rootfs, covered);
            var source = launch.Mounts[i] ?? MakeNodes(mount, launch, made);
            mounts.Add(new MountInput(target, source, source is not null && Files.Status(source).Type != FileType.Directory));
            covered.Add(target);
        }

        return new ContainerPlanInput
        {
            Spec = spec,
            User = launch.User,
            Facts = facts,
            Namespaces = launch.Namespaces,
            Procfs = procfs,
            Rootfs = launch.Rootfs,
            Mounts = mounts,
            TargetPidNamespace = launch.TargetPidNamespace,
            Streams = launch.Streams,
        };
    }

    /// <summary>Where a mount goes, beneath the rootfs.</summary>
    /// <param name="rootfs">Null: the image is not at hand, and nothing in it is a symlink.</param>
    internal static string Resolve(MountSpec mount, FileDescriptor? rootfs, List<string> covered)
    {
        var target = ImagePath.Normalize(mount.Target, "The mount's target");
        if (mount.Source is KernelSource || rootfs is null)
        {
            return target;
        }

        // Who asks for a mount in /proc knows what it hides; a symlink of the image's may not ask for it (CVE-2025-52881).
        var resolved = ImagePath.Resolve(rootfs, target, covered);
        return ImagePath.IsAtOrBelow(resolved, "proc") && !ImagePath.IsAtOrBelow(target, "proc")
            ? throw Invalid($"The mount on {mount.Target} would hide /{resolved}: the image has a symlink there that leads into /proc.")
            : resolved;
    }

    private static void Check(ContainerLaunch launch)
    {
        var spec = launch.Spec;
        if (launch.Mounts.Count != spec.Mounts.Count)
        {
            throw Invalid($"The container {spec.Id} has {spec.Mounts.Count} mounts, and {launch.Mounts.Count} descriptors came for them.");
        }

        if (spec.Hooks.Count > 0 && spec.Bundle is null)
        {
            throw Invalid($"The container {spec.Id} has the hook {spec.Hooks[0].Path}, and no bundle to tell it of.");
        }

        if (spec.Namespaces.Pid == PidNamespace.Pod && launch.Namespaces.Pid is null)
        {
            throw Invalid($"The container {spec.Id} is to share the pod's PID namespace, and the pod has none.");
        }

        if (spec.Namespaces.Pid == PidNamespace.Target && launch.TargetPidNamespace is null)
        {
            throw Invalid($"The container {spec.Id} is to join another's PID namespace, which did not come with it.");
        }

        CheckMapped(launch.User, launch.Namespaces);
    }

    /// <summary>The kernel would say EINVAL.</summary>
    internal static void CheckMapped(ResolvedUser user, PodNamespaces namespaces)
    {
        if (IdMap.ToNode(namespaces.UidMappings, user.Uid) is null)
        {
            throw Invalid($"The user {user.Uid} does not exist in the pod's user namespace: its map does not have it.");
        }

        foreach (var group in user.Groups)
        {
            CheckGroup(group, namespaces);
        }

        CheckGroup(user.Gid, namespaces);
    }

    private static void CheckGroup(uint group, PodNamespaces namespaces)
    {
        if (IdMap.ToNode(namespaces.GidMappings, group) is null)
        {
            throw Invalid($"The group {group} does not exist in the pod's user namespace: its map does not have it.");
        }
    }

    /// <summary>
    /// Whether it is a filesystem that shows a namespace of the node's: a pod with a user namespace has no power over that, so
    /// that its child could not make it.
    /// </summary>
    internal static bool ShowsTheNodes(MountSpec mount, ContainerSpec spec, bool hasUser, bool hasIpc, bool hasNetwork)
        => hasUser && mount.Source switch
        {
            KernelSource { Type: "proc" } => spec.Namespaces.Pid == PidNamespace.Node,
            KernelSource { Type: "mqueue" } => !hasIpc,
            KernelSource { Type: "sysfs" } => !hasNetwork,
            _ => false,
        };

    private static FileDescriptor? MakeNodes(MountSpec mount, ContainerLaunch launch, List<FileDescriptor> made)
    {
        var pod = launch.Namespaces;
        if (!ShowsTheNodes(mount, launch.Spec, pod.User is not null, pod.Ipc is not null, pod.Network is not null))
        {
            return null;
        }

        made.Add(ProcessLauncher.MakeFilesystem(((KernelSource)mount.Source).Type, MountSteps.Attributes(mount)));
        return made[^1];
    }

    private static SandboxException Invalid(string message) => new(RpcCode.InvalidArgument, message);
}
