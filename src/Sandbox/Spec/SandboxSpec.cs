namespace Crisp.Sandbox.Spec;

/// <summary>What the pod's process needs to know of the pod, made by RunPodSandbox and stored as JSON.</summary>
public sealed record SandboxSpec
{
    /// <summary>The version of this form. A reader refuses a higher one.</summary>
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>The sandbox's id: 64 lower-case hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>Set in the pod's UTS namespace; null or empty on the node's.</summary>
    public string? Hostname { get; init; }

    /// <summary>A network namespace of the pod's own; false is the node's.</summary>
    public bool NetworkNamespace { get; init; }

    public bool IpcNamespace { get; init; } = true;

    /// <summary>Its own unless the network is the node's (CRI: the hostname follows the network).</summary>
    public bool UtsNamespace { get; init; }

    /// <summary>One PID namespace for all containers, with the reaper as its PID 1.</summary>
    public bool SharedPidNamespace { get; init; }

    /// <summary>Not empty: the pod has a user namespace with these maps.</summary>
    public IReadOnlyList<IdMapSpec> UidMappings { get; init; } = [];

    public IReadOnlyList<IdMapSpec> GidMappings { get; init; } = [];

    /// <summary>Namespaced sysctls by their dotted name, already checked against the allow-list.</summary>
    public IReadOnlyDictionary<string, string> Sysctls { get; init; } = new Dictionary<string, string>();

    /// <summary>The pod's cgroup below each hierarchy's root, without a leading slash; the parent of the containers' cgroups.</summary>
    public required string CgroupPath { get; init; }

    /// <summary>The machine, when the pod is a virtual one; null for a pod whose processes run on the node's kernel.</summary>
    public VmSpec? Vm { get; init; }
}
