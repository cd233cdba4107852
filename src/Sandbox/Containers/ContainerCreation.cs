using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Logs;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Containers;

/// <summary>CreateContainer: user, cgroup with its limits, log. On failure nothing of the container exists.</summary>
internal static class ContainerCreation
{
    private static readonly TimeSpan _removePatience = TimeSpan.FromSeconds(1);

    /// <exception cref="SandboxException">The specification cannot be carried out, before anything was done.</exception>
    public static void Check(NamespacePod pod, ContainerSpec spec, int descriptors)
    {
        // What lies elsewhere would be neither counted with the pod nor removed with it.
        if (!spec.CgroupPath.StartsWith(pod.Spec!.CgroupPath + "/", StringComparison.Ordinal))
        {
            throw new SandboxException(RpcCode.InvalidArgument, $"The container's cgroup {spec.CgroupPath} is not within the pod's, {pod.Spec.CgroupPath}.");
        }

        if (spec.Log is { HasDescriptor: true })
        {
            throw new SandboxException(RpcCode.InvalidArgument, $"The log directory of the container {spec.Id} is sent, which only a virtual machine's monitor takes.");
        }

        CheckDescriptors(spec, descriptors);
        foreach (var source in (IEnumerable<MountSource>)[spec.Root.Source, .. spec.Mounts.Select(m => m.Source)])
        {
            if (source is ExportSource or SharedMemorySource && pod.GuestMounts is null)
            {
                throw new SandboxException(RpcCode.InvalidArgument, $"The container {spec.Id} mounts what only a virtual machine has.");
            }
        }

        if (spec.Disks is { } disks && (pod.GuestMounts is null || disks.Any(static d => d.Source is not SlotSource)))
        {
            throw new SandboxException(RpcCode.InvalidArgument, $"The container {spec.Id} has disks, which only a virtual machine has.");
        }
    }

    /// <exception cref="SandboxException">There are not as many as the specification needs.</exception>
    public static void CheckDescriptors(ContainerSpec spec, int descriptors)
    {
        var needed = spec.Root.Source.NeedsDescriptor ? 1 : 0;
        foreach (var mount in spec.Mounts)
        {
            needed += mount.Source.NeedsDescriptor ? 1 : 0;
        }

        needed += spec.Disks?.Count(static d => d.Source is BlockDeviceSource) ?? 0;
        needed += spec.Log is { HasDescriptor: true } ? 1 : 0;
        if ((!spec.Root.Source.NeedsDescriptor && spec.Root.Source is not ExportSource) || needed != descriptors)
        {
            throw new SandboxException(
                RpcCode.InvalidArgument, $"The specification needs the descriptors of a rootfs, the mounts, the disks and perhaps the log's directory, {needed} in all; {descriptors} were sent.");
        }
    }

    /// <param name="descriptors">In the order of <see cref="ContainerSpec"/>; from here on they are closed by the container, or on failure.</param>
    public static void Begin(NamespacePod pod, ContainerSpec spec, FileDescriptor[] descriptors, Action<Container> done, Action<Exception> failed)
    {
        pod.Creating.Add(spec.Id);
        pod.Launches.Run(
            () => Make(pod, spec, Open(pod, spec, descriptors)),
            made =>
            {
                pod.Creating.Remove(spec.Id);
                pod.Containers.Add(spec.Id, Adopt(pod, made));
                done(made.Container);
            },
            error =>
            {
                pod.Creating.Remove(spec.Id);
                failed(error);
            });
    }

    /// <summary>Those that were sent, and in a guest those of its exports.</summary>
    private static ContainerDescriptors Open(NamespacePod pod, ContainerSpec spec, FileDescriptor[] sent)
    {
        var opened = new List<FileDescriptor>(sent);
        var next = 0;
        try
        {
            // Writable even when it is to be read-only: missing mount points are made before it turns so.
            var rootfs = Take(spec.Root.Source, MountAttributes.None)!;
            return new ContainerDescriptors(rootfs, [.. spec.Mounts.Select(m => Take(m.Source, MountSteps.Attributes(m)))]);
        }
        catch
        {
            opened.ForEach(static d => d.Dispose());
            throw;
        }

        FileDescriptor? Take(MountSource source, MountAttributes attributes)
        {
            if (source.NeedsDescriptor)
            {
                return sent[next++];
            }

            var mount = pod.GuestMounts?.Open(source, attributes);
            if (mount is not null)
            {
                opened.Add(mount);
            }

            return mount;
        }
    }

    private static Made Make(NamespacePod pod, ContainerSpec spec, ContainerDescriptors held)
    {
        ICgroup? cgroup = null;
        try
        {
            spec = pod.GuestMounts?.Disks.Resolve(spec) ?? spec;
            var user = UserResolver.Resolve(held.Rootfs, spec.Process.User);
            held.LogFile = spec.Log is null ? null : LogFile.Open(spec.Log);
            cgroup = pod.CgroupManager.Create(CgroupPath.Parse(spec.CgroupPath));
            Limit(cgroup, spec);
            return new Made(new NamespaceContainer(pod, spec, user, cgroup, held), cgroup.WatchOom());
        }
        catch
        {
            held.Dispose();
            cgroup?.Remove(_removePatience);
            throw;
        }
    }

    /// <summary>
    /// Makes the cgroup of a container that was not started yet anew, where somebody has removed it meanwhile: on v1 systemd, when it
    /// reads its units again, takes away what is empty in a hierarchy, delegated or not.
    /// </summary>
    public static void RestoreCgroup(NamespacePod pod, NamespaceContainer container)
    {
        if (!container.Cgroup.Exists)
        {
            Limit(pod.CgroupManager.Create(container.Cgroup.Path), container.Spec);
        }
    }

    private static void Limit(ICgroup cgroup, ContainerSpec spec)
    {
        cgroup.Apply(ContainerLimits.From(spec.Resources));
        cgroup.SetDeviceRules(ContainerLimits.From(spec.DeviceRules));
    }

    private static NamespaceContainer Adopt(NamespacePod pod, Made made)
    {
        var container = made.Container;
        if (made.Oom is { } oom)
        {
            container.Oom = new OomEvents(pod.Loop, oom, () => pod.Events.ContainerOom(container.Id));
        }

        return container;
    }

    private sealed record Made(NamespaceContainer Container, OomWatch? Oom);
}
