using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

public static partial class ContainerSpecBuilder
{
    // Files that LXCFS and the like show a container's own view through; nothing else may hide a part of /proc, because
    // tools and we ourselves trust it (CVE-2019-16884, CVE-2025-52881).
    private static readonly string[] _procFiles =
        ["/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo"];

    /// <summary>Image VOLUMEs that no mount of the request covers.</summary>
    public static IReadOnlyList<AnonymousVolume> AnonymousVolumes(ContainerSpecInput input)
    {
        var covered = input.Config.Mounts.Select(m => Normalize(m.ContainerPath)).ToHashSet(StringComparer.Ordinal);
        return [.. input.Image.Config.Volumes.Select(Normalize).Distinct(StringComparer.Ordinal).Where(v => v != "/" && !covered.Contains(v))
            .Select((target, number) => new AnonymousVolume(target, input.Directories.Volume(number)))];
    }

    /// <summary>By their depth; in the same depth the kernel's filesystems, the pod's files, the image's volumes, the request's mounts.</summary>
    private static List<MountSpec> Mounts(ContainerSpecInput input)
    {
        var asked = input.Config.Mounts.Select(m => Mount(m, input)).ToList();

        // As CDI's own library has it: a device's mount takes the place of another on the same path.
        foreach (var mount in input.Cdi.Edits.Mounts.Select(m => CdiMount(m, input)))
        {
            asked.RemoveAll(m => m.Target == mount.Target);
            asked.Add(mount);
        }

        var volumes = AnonymousVolumes(input).Select(v => new MountSpec
        {
            Target = v.Target,
            Source = new BindSource(v.Directory, Recursive: false),
        });
        var own = Kernel(input).Concat(PodFiles(input)).Where(m => asked.TrueForAll(a => a.Target != m.Target)).ToList();

        // A mount on /a/b must come after one on /a: the node's /dev still gets the container's own /dev/pts, and /etc/hosts
        // lies on a volume that is mounted on /etc.
        return [.. own.Concat(volumes).Concat(asked).OrderBy(m => m.Target.Count(c => c == '/'))];
    }

    private static IEnumerable<MountSpec> Kernel(ContainerSpecInput input)
    {
        yield return Plain("/proc", new KernelSource("proc"));
        yield return Sys(input);

        // Writable, the cgroup files would lift the container's own limits (CVE-2023-25809).
        yield return Plain("/sys/fs/cgroup", new KernelSource("cgroup")) with { Readonly = !input.Privileged };
        yield return Plain("/dev/pts", new KernelSource("devpts")) with { Nodev = false };
        yield return Plain("/dev/mqueue", new KernelSource("mqueue"));
        yield return Plain("/dev/shm", input.IsMachine ? new SharedMemorySource() : new BindSource(input.SandboxFiles.Shm, Recursive: false));
    }

    private static MountSpec Sys(ContainerSpecInput input)
    {
        var mount = Plain("/sys", new KernelSource("sysfs")) with { Readonly = !input.Privileged };

        // sysfs shows a network namespace, and only its owning user namespace may mount it: not the pod's on the node's network.
        return input.UserNamespace && !input.Sandbox.Spec.NetworkNamespace
            ? mount with { Source = new BindSource("/sys"), Readonly = true, RecursiveReadonly = true }
            : mount;
    }

    private static MountSpec Plain(string target, MountSource source)
        => new() { Target = target, Source = source, Nosuid = true, Nodev = true, Noexec = true };

    private static IEnumerable<MountSpec> PodFiles(ContainerSpecInput input)
    {
        var files = input.SandboxFiles;
        (string Target, string Source)[] pairs =
            [("/etc/hosts", files.Hosts), ("/etc/hostname", files.Hostname), ("/etc/resolv.conf", files.ResolvConf)];
        return pairs.Select(pair => new MountSpec
        {
            Target = pair.Target,
            Source = new BindSource(pair.Source, Recursive: false),
            Readonly = input.Security.ReadonlyRootfs,
        });
    }

    private static MountSpec Mount(Mount mount, ContainerSpecInput input)
    {
        var target = Normalize(mount.ContainerPath);
        CheckTarget(mount, target, input.Privileged);
        if (mount.ImageSubPath.Length > 0 && mount.Image is null)
        {
            throw CriException.Invalid($"The mount on {target} has the image_sub_path {mount.ImageSubPath}, but no image.");
        }

        if (mount.RecursiveReadOnly && (!mount.Readonly || mount.Propagation != Cri.V1.MountPropagation.PropagationPrivate))
        {
            throw CriException.Invalid($"The mount on {target} has recursive_read_only, which needs readonly and PROPAGATION_PRIVATE.");
        }

        if (mount.UidMappings.Count == 0 != (mount.GidMappings.Count == 0))
        {
            throw CriException.Invalid($"The mount on {target} has id mappings for users or groups alone; both or none are possible.");
        }

        foreach (var option in mount.MountOptions.Where(o => o is not ("noexec" or "nodev" or "nosuid")))
        {
            throw CriException.Invalid($"The mount on {target} has the option \"{option}\"; noexec, nodev and nosuid exist.");
        }

        return new MountSpec
        {
            Target = target,
            Source = mount.Image is null ? new BindSource(HostPath.Resolve(mount.HostPath, target)) : Image(mount, target, input),
            Readonly = mount.Readonly,
            RecursiveReadonly = mount.RecursiveReadOnly,
            Nosuid = mount.MountOptions.Contains("nosuid"),
            Nodev = mount.MountOptions.Contains("nodev") || mount.Image is not null,
            Noexec = mount.MountOptions.Contains("noexec"),
            Propagation = mount.Propagation switch
            {
                Cri.V1.MountPropagation.PropagationPrivate => Sandbox.Spec.MountPropagation.Private,
                Cri.V1.MountPropagation.PropagationHostToContainer => Sandbox.Spec.MountPropagation.Slave,
                Cri.V1.MountPropagation.PropagationBidirectional => Sandbox.Spec.MountPropagation.Shared,
                var other => throw CriException.Invalid($"The mount on {target} has propagation {(int)other}, which is no MountPropagation."),
            },
            UidMappings = Maps(mount.UidMappings, input.Sandbox.Spec.UidMappings, $"the mount on {target}"),
            GidMappings = Maps(mount.GidMappings, input.Sandbox.Spec.GidMappings, $"the mount on {target}"),
        };
    }

    /// <summary>A mount is mapped by the pod's user namespace or not at all: the kubelet sends the same maps for both.</summary>
    private static IReadOnlyList<IdMapSpec> Maps(IReadOnlyCollection<IDMapping> asked, IReadOnlyList<IdMapSpec> pod, string subject)
    {
        var maps = IdMappings.From(asked, subject);
        return maps.Count == 0 || maps.SequenceEqual(pod)
            ? maps
            : throw CriException.Invalid($"The id mappings of {subject} are not those of the pod's user namespace, which are the only ones it can have.");
    }

    // Its layers are mapped as those of the rootfs are, whatever the mount says of mappings.
    private static OverlaySource Image(Mount mount, string target, ContainerSpecInput input)
    {
        if (mount.Image.Image.Length == 0 || mount.HostPath.Length > 0)
        {
            throw CriException.Invalid($"The mount on {target} needs a host_path or an image with a name, not both.");
        }

        if (!mount.Readonly)
        {
            throw CriException.Invalid($"The image {mount.Image.Image} on {target} needs readonly: images are never written to.");
        }

        var path = mount.ImageSubPath;
        if (path.Contains('\0', StringComparison.Ordinal) || path.Split('/').Contains(".."))
        {
            throw CriException.Invalid($"The mount on {target} has the image_sub_path \"{path}\", which is no path without \"..\".");
        }

        return new OverlaySource(input.Volumes[mount.Image.Image].Layers, null, null) { SubPath = path.Length > 0 ? path : null };
    }

    private static void CheckTarget(Mount mount, string target, bool privileged)
    {
        if (mount.ContainerPath.Length == 0 || mount.ContainerPath.Contains('\0', StringComparison.Ordinal))
        {
            throw CriException.Invalid($"The mount of {mount.HostPath} has no usable container_path.");
        }

        if (mount.ContainerPath.Split('/').Contains(".."))
        {
            throw CriException.Invalid($"The mount of {mount.HostPath} has the container_path {mount.ContainerPath}, with \"..\" in it.");
        }

        if (target == "/")
        {
            throw CriException.Invalid($"{mount.HostPath} cannot be mounted on the container's root directory.");
        }

        if (!privileged && (target == "/proc" || target.StartsWith("/proc/", StringComparison.Ordinal)) && !_procFiles.Contains(target))
        {
            throw CriException.Invalid($"{mount.HostPath} cannot be mounted on {target}: it would hide a part of /proc. Use another path.");
        }
    }

    /// <summary>Absolute, without double slashes and dots.</summary>
    private static string Normalize(string path)
        => "/" + string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != "."));
}
