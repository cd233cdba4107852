using Crisp.NodeAgent.Kubernetes;
using k8s.Models;

namespace Crisp.NodeAgent.Reconciling;

/// <summary>What the agent wants to know of a node's object.</summary>
internal static class NodeView
{
    // <name>://<version>, from CRI's Version (NodeSystemInfo).
    private const string CrispRuntime = "crisp://";

    public static string? Label(this V1Node node, string name) => node.Metadata.Labels?.TryGetValue(name, out var value) == true ? value : null;

    public static string? Annotation(this V1Node node, string name) => node.Metadata.Annotations?.TryGetValue(name, out var value) == true ? value : null;

    public static bool WantsCrisp(this V1Node node) => node.Label(NodeNames.Runtime) == NodeNames.RuntimeValue;

    /// <summary>Whether the kubelet has last reported crisp as its runtime.</summary>
    public static bool RunsCrisp(this V1Node node) =>
        node.Status?.NodeInfo?.ContainerRuntimeVersion?.StartsWith(CrispRuntime, StringComparison.Ordinal) == true;

    public static bool IsReady(this V1Node node) => node.Status?.Conditions?.Any(c => c is { Type: "Ready", Status: "True" }) == true;

    public static bool IsCordoned(this V1Node node) => node.Spec?.Unschedulable == true;
}
