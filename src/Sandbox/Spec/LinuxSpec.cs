using System.Text.Json.Serialization;

namespace Crisp.Sandbox.Spec;

/// <summary>Which namespaces a container has of its own and which it shares.</summary>
public sealed record NamespacesSpec
{
    public PidNamespace Pid { get; init; } = PidNamespace.Container;

    /// <summary>The container whose PID namespace is joined, for <see cref="PidNamespace.Target"/>.</summary>
    public string? TargetContainerId { get; init; }
}

/// <summary>CRI NamespaceMode of NamespaceOption.pid. Network, IPC, UTS and user namespaces are the pod's (SandboxSpec).</summary>
[JsonConverter(typeof(EnumNameConverter<PidNamespace>))]
public enum PidNamespace
{
    /// <summary>One of its own.</summary>
    Container,

    /// <summary>The pod's shared one, whose PID 1 is the reaper.</summary>
    Pod,

    /// <summary>The node's.</summary>
    Node,

    /// <summary>That of another container of the pod.</summary>
    Target,
}

/// <summary>user_namespaces(7): one line of uid_map or gid_map.</summary>
public sealed record IdMapSpec(uint ContainerId, uint HostId, uint Length);

/// <summary>A device node. Type is c or b; mode is the permission bits.</summary>
public sealed record DeviceSpec(string Path, char Type, uint Major, uint Minor, uint Mode, uint Uid, uint Gid);

/// <summary>A rule of the device cgroup. Major or minor null is any; access is a subset of "rwm".</summary>
/// <param name="Type">a (all), c or b.</param>
public sealed record DeviceRuleSpec(bool Allow, char Type, uint? Major, uint? Minor, string Access);

/// <summary>
/// Limits in the kernel-neutral words of CRI LinuxContainerResources. Null leaves a control as it is.
/// </summary>
public sealed record ResourcesSpec
{
    /// <summary>cpu.shares, 2..262144; on cgroup v2 converted to cpu.weight.</summary>
    public ulong? CpuShares { get; init; }

    /// <summary>Microseconds of CPU per period; -1 is no limit.</summary>
    public long? CpuQuota { get; init; }

    /// <summary>Microseconds.</summary>
    public ulong? CpuPeriod { get; init; }

    /// <summary>cpuset(7) list format.</summary>
    public string? CpusetCpus { get; init; }

    public string? CpusetMems { get; init; }

    /// <summary>Bytes; -1 is no limit.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>Memory plus swap in bytes, as CRI has it; -1 is no limit.</summary>
    public long? MemorySwapLimit { get; init; }

    /// <summary>Processes; -1 is no limit.</summary>
    public long? PidsLimit { get; init; }

    /// <summary>Bytes by page size as the kernel writes it: 2MB, 1GB.</summary>
    public IReadOnlyDictionary<string, ulong> HugepageLimits { get; init; } = new Dictionary<string, ulong>();

    /// <summary>10..1000, as blkio.weight; converted to io.weight on cgroup v2.</summary>
    public ushort? BlkioWeight { get; init; }

    /// <summary>Files of cgroup v2 and their contents, written last (CRI's unified).</summary>
    public IReadOnlyDictionary<string, string> Unified { get; init; } = new Dictionary<string, string>();
}
