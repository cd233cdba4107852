using Crisp.Cri.V1;
using Crisp.CriServer.Cdi;
using Crisp.CriServer.State;
using Crisp.Images;

namespace Crisp.CriServer.Containers;

/// <summary>Everything a container's specification is made of.</summary>
/// <param name="Id">Of the container to be.</param>
/// <param name="Config">The request.</param>
/// <param name="Sandbox">Its pod.</param>
/// <param name="Image">Its labels are the image author's words and steer nothing of ours (CVE-2026-53488).</param>
/// <param name="Directories">Where its writable layer and volumes are.</param>
/// <param name="SandboxFiles">The pod's own hosts, hostname, resolv.conf and shm.</param>
/// <param name="Node">What the node can do.</param>
public sealed record ContainerSpecInput(
    string Id,
    ContainerConfig Config,
    SandboxRecord Sandbox,
    ImageRecord Image,
    ContainerDirectories Directories,
    Sandboxes.SandboxFiles SandboxFiles,
    NodeFacts Node)
{
    /// <summary>The images of mounts, by the name or id in the request.</summary>
    public IReadOnlyDictionary<string, ImageRecord> Volumes { get; init; } = new Dictionary<string, ImageRecord>();

    /// <summary>The container's CDI devices.</summary>
    public CdiInjection Cdi { get; init; } = CdiInjection.None;

    /// <summary>Whether its writable layer is limited, so that its files must stay in their project.</summary>
    public bool LayerIsLimited { get; init; }

    public LinuxContainerSecurityContext Security { get; } = Config.Linux?.SecurityContext ?? new LinuxContainerSecurityContext();

    public bool Privileged => Security.Privileged;

    /// <summary>Whether the pod is a virtual machine.</summary>
    public bool IsMachine => Sandbox.Spec.Vm is not null;

    public bool UserNamespace => Sandbox.Spec.UidMappings.Count > 0;
}

/// <summary>A container's directories beneath <c>ROOT/containers/ID</c>, mode 0700.</summary>
public sealed record ContainerDirectories(string Path)
{
    /// <summary>The writable layer.</summary>
    public string Upper => System.IO.Path.Combine(Path, "upper");

    /// <summary>overlayfs's own.</summary>
    public string Work => System.IO.Path.Combine(Path, "work");

    /// <summary>What hooks are told of the container.</summary>
    public string Bundle => System.IO.Path.Combine(Path, "bundle");

    /// <summary>For a checkpoint while it is made; one that a daemon which died has left goes with the container.</summary>
    public string Checkpoint() => System.IO.Path.Combine(Path, $"checkpoint-{Guid.NewGuid():N}");

    /// <summary>The anonymous volumes.</summary>
    public string Volumes => System.IO.Path.Combine(Path, "volumes");

    /// <summary>All that a limit of the writable layer holds for. A checkpoint is the node's.</summary>
    public IReadOnlyList<string> Layer => [Upper, Work, Volumes];

    /// <summary>The n-th anonymous volume.</summary>
    public string Volume(int number) => System.IO.Path.Combine(Volumes, $"{number}");
}

/// <summary>A directory that the image declares as VOLUME and no mount of the request covers.</summary>
/// <param name="Target">Absolute path in the container.</param>
/// <param name="Directory">On the node; filled with what the image has at the target.</param>
public sealed record AnonymousVolume(string Target, string Directory);
