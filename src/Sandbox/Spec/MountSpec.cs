using System.Text.Json.Serialization;

namespace Crisp.Sandbox.Spec;

/// <summary>One mount in a container. <see cref="Target"/> is resolved beneath the rootfs and never through it.</summary>
public sealed record MountSpec
{
    public required string Target { get; init; }

    public required MountSource Source { get; init; }

    public bool Readonly { get; init; }

    /// <summary>Every mount beneath is read-only too (MOUNT_ATTR_RDONLY with AT_RECURSIVE).</summary>
    public bool RecursiveReadonly { get; init; }

    public bool Nosuid { get; init; }

    public bool Nodev { get; init; }

    public bool Noexec { get; init; }

    public MountPropagation Propagation { get; init; } = MountPropagation.Private;

    /// <summary>Set to id-map the mount (mount_setattr(2), MOUNT_ATTR_IDMAP).</summary>
    public IReadOnlyList<IdMapSpec> UidMappings { get; init; } = [];

    public IReadOnlyList<IdMapSpec> GidMappings { get; init; } = [];
}

/// <summary>mount_namespaces(7), "SHARED SUBTREES".</summary>
[JsonConverter(typeof(EnumNameConverter<MountPropagation>))]
public enum MountPropagation
{
    /// <summary>CRI PROPAGATION_PRIVATE.</summary>
    Private,

    /// <summary>CRI PROPAGATION_HOST_TO_CONTAINER.</summary>
    Slave,

    /// <summary>CRI PROPAGATION_BIDIRECTIONAL.</summary>
    Shared,
}

/// <summary>
/// Where a mount's bytes come from: a closed set of kinds, so that nobody has to guess what a path means.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(OverlaySource), "overlay")]
[JsonDerivedType(typeof(BindSource), "bind")]
[JsonDerivedType(typeof(TmpfsSource), "tmpfs")]
[JsonDerivedType(typeof(KernelSource), "kernel")]
[JsonDerivedType(typeof(ExportSource), "export")]
[JsonDerivedType(typeof(SharedMemorySource), "sharedMemory")]
public abstract record MountSource
{
    /// <summary>Whether the daemon opens this source and sends it as the descriptor of a detached mount.</summary>
    [JsonIgnore]
    public abstract bool NeedsDescriptor { get; }
}

/// <summary>An overlay of image layers. Lower layers top first, as overlayfs's lowerdir has them.</summary>
/// <param name="Upper">The writable layer; null, as <paramref name="Work"/> is then, for an image volume.</param>
public sealed record OverlaySource(IReadOnlyList<string> Lower, string? Upper, string? Work) : MountSource
{
    /// <summary>Of an image volume: the directory or file in it that is mounted. Symlinks stay in the image; null is all of it.</summary>
    public string? SubPath { get; init; }

    [JsonIgnore]
    public override bool NeedsDescriptor => true;
}

/// <summary>A file or directory of the node.</summary>
/// <param name="Path">Absolute; symlinks are resolved on the node, before the container exists.</param>
/// <param name="Recursive">Whether mounts beneath it come along (rbind).</param>
public sealed record BindSource(string Path, bool Recursive = true) : MountSource
{
    [JsonIgnore]
    public override bool NeedsDescriptor => true;
}

/// <summary>A tmpfs of the container's own (an /dev/shm of its own, an emptyDir in memory).</summary>
/// <param name="SizeBytes">0 is the kernel's default, half of memory.</param>
/// <param name="Mode">Permission bits of its root, for example 0x3ff for 01777.</param>
public sealed record TmpfsSource(long SizeBytes, uint Mode) : MountSource
{
    [JsonIgnore]
    public override bool NeedsDescriptor => false;
}

/// <summary>A filesystem that shows the mounting task's namespaces, so that only the child can make it.</summary>
/// <param name="Type">proc, sysfs, mqueue, cgroup or devpts.</param>
public sealed record KernelSource(string Type) : MountSource
{
    [JsonIgnore]
    public override bool NeedsDescriptor => false;
}

/// <summary>Only in a virtual machine: a directory or a file that the machine's monitor exports over virtio-fs.</summary>
/// <param name="Name">Of the export: the entry of that name in the root of the filesystem.</param>
public sealed record ExportSource(string Name) : MountSource
{
    [JsonIgnore]
    public override bool NeedsDescriptor => false;
}

/// <summary>/dev/shm of a pod that is a virtual machine: a tmpfs of the guest's, which all containers of the pod share.</summary>
public sealed record SharedMemorySource : MountSource
{
    [JsonIgnore]
    public override bool NeedsDescriptor => false;
}
