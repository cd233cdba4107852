using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crisp.Network;

/// <summary>
/// What a runtime can tell plugins of one pod, under the names of CNI's CONVENTIONS.md. A plugin is told what its
/// configuration declares under "capabilities", and nothing else. Null is not told.
/// </summary>
public sealed record CapabilityArguments
{
    public IReadOnlyList<PortMapping>? PortMappings { get; init; }

    public Bandwidth? Bandwidth { get; init; }

    public DnsArguments? Dns { get; init; }

    /// <summary>Addresses to give, with or without a prefix.</summary>
    public IReadOnlyList<string>? Ips { get; init; }

    /// <summary>The hardware address to give.</summary>
    public string? Mac { get; init; }

    /// <summary>Further names of the pod in the network.</summary>
    public IReadOnlyList<string>? Aliases { get; init; }

    /// <summary>The pod's cgroup with a leading slash.</summary>
    public string? CgroupPath { get; init; }

    [JsonPropertyName("io.kubernetes.cri.pod-annotations")]
    public IReadOnlyDictionary<string, string>? PodAnnotations { get; init; }

    /// <summary>The arguments by their capability's name.</summary>
    internal JsonElement ToJson() => JsonSerializer.SerializeToElement(this, CniJson.Default.CapabilityArguments);
}

/// <summary>A port of the node that leads into the pod.</summary>
/// <param name="Protocol">tcp, udp or sctp.</param>
/// <param name="HostIP">Empty is every address of the node.</param>
public sealed record PortMapping(int HostPort, int ContainerPort, string Protocol, [property: JsonPropertyName("hostIP")] string HostIP = "");

/// <summary>Limits of the pod's traffic: rates in bits a second, bursts in bits, 0 is no limit. Ingress is towards the pod.</summary>
public sealed record Bandwidth(ulong IngressRate, ulong IngressBurst, ulong EgressRate, ulong EgressBurst);

public sealed record DnsArguments(IReadOnlyList<string> Servers, IReadOnlyList<string> Searches, IReadOnlyList<string> Options);
