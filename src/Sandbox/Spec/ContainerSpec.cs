namespace Crisp.Sandbox.Spec;

/// <summary>
/// Everything about one container that does not change after CreateContainer: made by the daemon from the CRI request and
/// the image's config, stored as JSON, and sent to the pod's process. Words follow the OCI runtime specification.
/// Descriptors that accompany it over SCM_RIGHTS: first the rootfs, then one for each of <see cref="Mounts"/> whose
/// source <see cref="MountSource.NeedsDescriptor"/>, in order, then each of <see cref="Disks"/>, and last the log's directory where <see cref="LogSpec.HasDescriptor"/>.
/// </summary>
public sealed record ContainerSpec
{
    /// <summary>The version of this form. A reader refuses a higher one.</summary>
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>The container's id: 64 lower-case hexadecimal digits.</summary>
    public required string Id { get; init; }

    public required ProcessSpec Process { get; init; }

    public required RootSpec Root { get; init; }

    /// <summary>In the order in which they are attached.</summary>
    public IReadOnlyList<MountSpec> Mounts { get; init; } = [];

    public NamespacesSpec Namespaces { get; init; } = new();

    /// <summary>The container's cgroup, below each hierarchy's root, without a leading slash.</summary>
    public required string CgroupPath { get; init; }

    public ResourcesSpec Resources { get; init; } = new();

    /// <summary>Device nodes made in the container's /dev, besides null, zero, full, random, urandom and tty.</summary>
    public IReadOnlyList<DeviceSpec> Devices { get; init; } = [];

    /// <summary>Of a pod that is a virtual machine. Null for none: a pod's process of an earlier version does not know the word.</summary>
    public IReadOnlyList<DiskSpec>? Disks { get; init; }

    /// <summary>Rules of the device cgroup, in order; the last match wins.</summary>
    public IReadOnlyList<DeviceRuleSpec> DeviceRules { get; init; } = [];

    public IReadOnlyList<string> MaskedPaths { get; init; } = [];

    public IReadOnlyList<string> ReadonlyPaths { get; init; } = [];

    /// <summary>Programs of the node that have a part in the container's life, those of one phase in their order; CDI brings them.</summary>
    public IReadOnlyList<HookSpec> Hooks { get; init; } = [];

    /// <summary>
    /// For hooks, and null without any: absolute path on the node of a directory with config.json, the container in the form of the OCI
    /// runtime specification, and an empty directory rootfs, where createContainer hooks find the container's files.
    /// </summary>
    public string? Bundle { get; init; }

    public LogSpec? Log { get; init; }

    /// <summary>The signal that StopContainer sends first; SIGTERM when null. A name such as SIGQUIT or RTMIN+3.</summary>
    public string? StopSignal { get; init; }
}

/// <summary>A process to execute: a container's entrypoint or an exec's command.</summary>
public sealed record ProcessSpec
{
    /// <summary>Program and arguments; the program is looked up in PATH of <see cref="Env"/> when it has no slash.</summary>
    public required IReadOnlyList<string> Args { get; init; }

    /// <summary>NAME=value. CRI 1.37 makes values bytes; they are kept as Latin-1 escapes of UTF-8 where they are not UTF-8.</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    public string Cwd { get; init; } = "/";

    public bool Terminal { get; init; }

    /// <summary>Whether standard input is a pipe that attach may write to; /dev/null otherwise.</summary>
    public bool Stdin { get; init; }

    /// <summary>Whether standard input closes when the first attached client leaves it.</summary>
    public bool StdinOnce { get; init; }

    public UserSpec User { get; init; } = new();

    public CapabilitiesSpec Capabilities { get; init; } = new();

    public bool NoNewPrivileges { get; init; }

    public IReadOnlyList<RlimitSpec> Rlimits { get; init; } = [];

    /// <summary>-1000..1000, or null to leave the node's default of 0. Clamped where CAP_SYS_RESOURCE is absent.</summary>
    public int? OomScoreAdj { get; init; }

    /// <summary>File mode creation mask; 0022 when null.</summary>
    public uint? Umask { get; init; }

    /// <summary>The LSM profile that AppArmor loads at execve, or null.</summary>
    public string? ApparmorProfile { get; init; }

    /// <summary>The SELinux label of the process, or null.</summary>
    public string? SelinuxLabel { get; init; }

    /// <summary>A compiled classic-BPF seccomp program (struct sock_filter[]), base64 in JSON, or null for none.</summary>
    public byte[]? SeccompProgram { get; init; }

    /// <summary>SECCOMP_FILTER_FLAG_* for it: LOG 2, SPEC_ALLOW 4; none when null.</summary>
    public uint? SeccompFlags { get; init; }
}

/// <summary>Who a process runs as. Names are resolved in the container's rootfs by the pod's process.</summary>
public sealed record UserSpec
{
    /// <summary>"uid", "name", "uid:gid", "name:group" as an image's USER writes it, or empty for 0. Digits are never a name.</summary>
    public string User { get; init; } = "";

    /// <summary>Overrides the primary group that <see cref="User"/> gives.</summary>
    public long? Gid { get; init; }

    /// <summary>Groups named by the request.</summary>
    public IReadOnlyList<long> AdditionalGids { get; init; } = [];

    /// <summary>Whether /etc/group of the image adds groups too (SupplementalGroupsPolicy Merge) or not (Strict).</summary>
    public bool MergeImageGroups { get; init; } = true;
}

/// <summary>Capability names such as CAP_NET_RAW. The inheritable set is always what Ambient needs and no more.</summary>
public sealed record CapabilitiesSpec
{
    public IReadOnlyList<string> Bounding { get; init; } = [];

    public IReadOnlyList<string> Permitted { get; init; } = [];

    public IReadOnlyList<string> Effective { get; init; } = [];

    public IReadOnlyList<string> Ambient { get; init; } = [];
}

/// <summary>One resource limit of getrlimit(2). Type is the kernel's name, for example RLIMIT_NOFILE.</summary>
public sealed record RlimitSpec(string Type, ulong Soft, ulong Hard);

/// <summary>The container's root filesystem.</summary>
public sealed record RootSpec
{
    public required MountSource Source { get; init; }

    public bool Readonly { get; init; }
}

/// <summary>Where the container's output goes, in CRI log format. The file must not be a symlink.</summary>
/// <param name="Directory">Absolute path of the pod's log directory on the node; opened once.</param>
/// <param name="Name">The log file beneath it, without "..", for example "app/0.log".</param>
/// <param name="HasDescriptor">
/// Whether the directory comes as a detached mount: the process of a pod that is a virtual machine opens no path of the node.
/// </param>
public sealed record LogSpec(string Directory, string Name, bool HasDescriptor = false);
