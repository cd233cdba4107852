using Crisp.Cri.V1;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.State;

/// <summary>
/// What is on disk of one container: <c>records/containers/ID.json</c>. Only the daemon writes it.
/// </summary>
/// <remarks>
/// <code>
///   CreateContainer       StartContainer         the main process ended
///        |                      |                     |
///        v                      v                     v
///     Created  ------------> Running  ------------> Exited
///        |                                            ^  |
///        +--- start failed, or the pod stopped -------+  +--- RemoveContainer: the record goes
/// </code>
/// The record is written last at creation: a container without one is a leftover of a crash and is removed.
/// </remarks>
public sealed record ContainerRecord : IRecord
{
    /// <summary>The version of this form. A reader sets a record of a higher one aside.</summary>
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public required string Id { get; init; }

    public required string SandboxId { get; init; }

    public required ContainerStage Stage { get; init; }

    public required ContainerName Metadata { get; init; }

    /// <summary>Nanoseconds since the epoch.</summary>
    public required long CreatedAt { get; init; }

    /// <summary>Nanoseconds since the epoch; 0 is not yet.</summary>
    public long StartedAt { get; init; }

    /// <summary>In the node's PID namespace; 0 unless running.</summary>
    public int Pid { get; init; }

    /// <summary>Null until the container has ended.</summary>
    public ContainerExit? Exit { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    public required ContainerImage Image { get; init; }

    /// <summary>Absolute, or empty for none.</summary>
    public string LogPath { get; init; } = "";

    /// <summary>The mounts of the request, for status.</summary>
    public IReadOnlyList<MountRecord> Mounts { get; init; } = [];

    public NamespaceModes Namespaces { get; init; } = new();

    public Signal StopSignal { get; init; }

    /// <summary>Who the first process is, as the image's own files resolved it.</summary>
    public required ContainerIdentity User { get; init; }

    /// <summary>Everything the pod's process was told; its resources are the current ones.</summary>
    public required ContainerSpec Spec { get; init; }

    /// <summary>The limit of its writable layer; null for none.</summary>
    public LayerQuota? LayerQuota { get; init; }

    /// <summary>SHA-256 of the request: tells a retry of it from another container of the same name.</summary>
    public required string RequestDigest { get; init; }

    /// <summary>Whether the request's answer is known to have reached its caller, who then has no reason to retry.</summary>
    public bool Answered { get; init; }
}

/// <summary>See the drawing at <see cref="ContainerRecord"/>.</summary>
public enum ContainerStage
{
    Created,
    Running,
    Exited,
}

/// <summary>CRI ContainerMetadata: names a container in its pod.</summary>
public sealed record ContainerName(string Name, uint Attempt);

/// <summary>How a container ended.</summary>
/// <param name="Code">0..255; 128 + n after signal n.</param>
/// <param name="FinishedAt">Nanoseconds since the epoch.</param>
/// <param name="Reason">Of <see cref="Containers.ExitReason"/>.</param>
/// <param name="Message">For people; may be empty.</param>
public sealed record ContainerExit(int Code, long FinishedAt, string Reason, string Message);

/// <summary>The image as it was asked for and as it was found.</summary>
/// <param name="Id">Equal to Image.id of the image service.</param>
/// <param name="Ref">By digest where the image has one, for people.</param>
public sealed record ContainerImage(string Requested, string UserSpecified, string RuntimeHandler, string Id, string Ref)
{
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();
}

/// <summary>A limit that the filesystem keeps.</summary>
/// <param name="Project">The number of the project that the layer's files belong to.</param>
/// <param name="Bytes">As it was asked for.</param>
public sealed record LayerQuota(uint Project, ulong Bytes);

/// <summary>CRI LinuxContainerUser.</summary>
public sealed record ContainerIdentity(long Uid, long Gid, IReadOnlyList<long> Groups);

/// <summary>CRI Mount as the request had it.</summary>
public sealed record MountRecord
{
    public required string ContainerPath { get; init; }

    public required string HostPath { get; init; }

    public bool Readonly { get; init; }

    public bool RecursiveReadOnly { get; init; }

    public bool SelinuxRelabel { get; init; }

    /// <summary>The name of a CRI MountPropagation.</summary>
    public string Propagation { get; init; } = nameof(Cri.V1.MountPropagation.PropagationPrivate);

    public IReadOnlyList<IdMapSpec> UidMappings { get; init; } = [];

    public IReadOnlyList<IdMapSpec> GidMappings { get; init; } = [];

    public IReadOnlyList<string> MountOptions { get; init; } = [];

    /// <summary>Null unless it is an image volume.</summary>
    public ContainerImage? Image { get; init; }

    public string? ImageSubPath { get; init; }
}
