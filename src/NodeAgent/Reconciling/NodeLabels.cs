using Crisp.NodeAgent.Host;
using Crisp.NodeAgent.Kubernetes;
using k8s.Models;

namespace Crisp.NodeAgent.Reconciling;

/// <summary>Labels that say what a node can do, for node selectors. They follow <c>crisp check</c>.</summary>
internal static class NodeLabels
{
    /// <summary>The labels for what was found; null is none.</summary>
    /// <param name="isActive">Whether the kubelet is on crisp.</param>
    public static Dictionary<string, string?> Of(NodeFacts facts, bool isActive) => new()
    {
        [NodeNames.Version] = facts.Version,
        [NodeNames.Active] = isActive ? "true" : null,
        [NodeNames.Kvm] = Text(facts.IsOk("KVM") && facts.IsOk("guest image")),
        [NodeNames.CgroupVersion] = CgroupVersion(facts.Found("cgroups") ?? ""),
        [NodeNames.UserNamespaces] = Text(facts.IsOk("user namespaces") && facts.IsOk("id-mapped mounts")),
    };

    /// <summary>Those that differ on the node; null removes.</summary>
    public static Dictionary<string, string?> Changes(V1Node node, IReadOnlyDictionary<string, string?> wanted)
        => wanted.Where(w => node.Label(w.Key) != w.Value).ToDictionary();

    // "v1, with a v2 tree beside it" is v1.
    private static string? CgroupVersion(string found) => found.StartsWith("v2", StringComparison.Ordinal) ? "2"
        : found.StartsWith("v1", StringComparison.Ordinal) ? "1"
        : null;

    private static string Text(bool value) => value ? "true" : "false";
}
