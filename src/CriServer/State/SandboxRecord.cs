using Crisp.Cri.V1;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.State;

/// <summary>
/// What is on disk of one pod: <c>records/sandboxes/ID.json</c>. Only the daemon writes it.
/// </summary>
/// <remarks>
/// <code>
///   RunPodSandbox         Start answered          StopPodSandbox, the pod's process died, reboot
///        |                      |                          |
///        v                      v                          v
///    Creating  ------------>  Ready  ------------------> NotReady
///        |                                                 |
///        +--- failed, or the daemon died: rolled back      +--- RemovePodSandbox: the record goes
/// </code>
/// Creating is written before anything of the pod exists, so that whatever a crash leaves behind has a name.
/// </remarks>
public sealed record SandboxRecord : IRecord
{
    /// <summary>The version of this form. A reader sets a record of a higher one aside.</summary>
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public required string Id { get; init; }

    public required SandboxStage Stage { get; init; }

    public required SandboxName Metadata { get; init; }

    /// <summary>Nanoseconds since the epoch.</summary>
    public required long CreatedAt { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    /// <summary>As the request had it; empty is the default one.</summary>
    public string RuntimeHandler { get; init; } = "";

    /// <summary>Absolute, or empty for no logs.</summary>
    public string LogDirectory { get; init; } = "";

    /// <summary>Whether containers of the pod may be privileged.</summary>
    public bool Privileged { get; init; }

    public NamespaceModes Namespaces { get; init; } = new();

    public required SandboxSpec Spec { get; init; }

    /// <summary>What the pod may use as a whole; for those who size by it, since the kubelet itself limits the pod's cgroup.</summary>
    public SandboxResources Resources { get; init; } = new(new ResourcesSpec(), new ResourcesSpec());

    /// <summary>The pod's process, once it runs.</summary>
    public ProcessIdentity? Process { get; init; }

    /// <summary>
    /// The addresses in the pod's own network namespace, the primary first. Empty on the node's network, and when the pod is
    /// stopped: they may be another pod's then.
    /// </summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>Ports of the node that lead into the pod as long as it is ready.</summary>
    public IReadOnlyList<HostPort> HostPorts { get; init; } = [];

    /// <summary>SHA-256 of the request: tells a retry of it from another pod of the same name.</summary>
    public required string RequestDigest { get; init; }

    /// <summary>Whether the request's answer is known to have reached its caller, who then has no reason to retry.</summary>
    public bool Answered { get; init; }

    /// <summary>Why the pod is not ready any more, for people; null as long as it is, or when it was asked to stop.</summary>
    public string? Problem { get; init; }
}

/// <summary>See the drawing at <see cref="SandboxRecord"/>.</summary>
public enum SandboxStage
{
    Creating,
    Ready,
    NotReady,
}

/// <summary>CRI PodSandboxMetadata: together these name a pod on the node.</summary>
public sealed record SandboxName(string Name, string Uid, string Namespace, uint Attempt)
{
    public override string ToString() => $"{Name}_{Namespace}_{Uid}_{Attempt}";
}

/// <param name="Protocol">tcp, udp or sctp.</param>
/// <param name="Address">Of the node; empty is each of them.</param>
public sealed record HostPort(int Port, string Protocol, string Address)
{
    public override string ToString() => Address.Length == 0 ? $"{Port}/{Protocol}" : $"{Port}/{Protocol} of {Address}";
}

/// <param name="Containers">The sum of the containers' resources, or the limits of the pod itself (KEP-2837).</param>
/// <param name="Overhead">What the pod costs beside its containers.</param>
public sealed record SandboxResources(ResourcesSpec Containers, ResourcesSpec Overhead);

/// <summary>CRI NamespaceOption as the request had it, for status.</summary>
public sealed record NamespaceModes
{
    public NamespaceMode Network { get; init; }

    public NamespaceMode Pid { get; init; }

    public NamespaceMode Ipc { get; init; }

    public string TargetId { get; init; } = "";

    /// <summary>Null when the request said nothing of a user namespace.</summary>
    public NamespaceMode? User { get; init; }
}
