using System.Text.Json.Nodes;

namespace Crisp.NodeAgent.Tests.Api;

internal sealed partial class ApiServer
{
    public const string Space = "crisp-system";
    public const string LeasePath = $"/apis/coordination.k8s.io/v1/namespaces/{Space}/leases/crisp-node-agent";
    private readonly Dictionary<string, int> _budgets = [];

    public static string NodePath(string name) => $"/api/v1/nodes/{name}";

    public static string PodPath(string name) => $"/api/v1/namespaces/default/pods/{name}";

    public JsonObject Node(string name) => Get(NodePath(name));

    public string? Label(string node, string label) => Node(node)["metadata"]!["labels"]?[label]?.GetValue<string>();

    public string? Annotation(string node, string name) => Node(node)["metadata"]!["annotations"]?[name]?.GetValue<string>();

    public bool IsCordoned(string node) => Node(node)["spec"]!["unschedulable"]?.GetValue<bool>() == true;

    /// <summary>The reasons of all events, in the order of their first time.</summary>
    public IReadOnlyList<string> EventReasons() =>
        [.. List("/api/v1/namespaces/default/events/").OrderBy(e => int.Parse($"{e["metadata"]!["uid"]}"[4..])).Select(e => $"{e["reason"]}")];

    public string EventMessage(string reason) =>
        $"{List("/api/v1/namespaces/default/events/").Last(e => $"{e["reason"]}" == reason)["message"]}";

    public void AddNode(string name, string? runtimeLabel = "crisp", string runtime = "containerd://2.1.9")
    {
        var node = Parse(
            $$"""
            {
              "kind": "Node", "apiVersion": "v1",
              "metadata": {"name": "{{name}}", "labels": {"kubernetes.io/hostname": "{{name}}"} },
              "spec": {},
              "status": {
                "nodeInfo": {"containerRuntimeVersion": "{{runtime}}"},
                "conditions": [{"type": "Ready", "status": "True"}]
              }
            }
            """);
        if (runtimeLabel is not null)
        {
            node["metadata"]!["labels"]!["crisp.dev/runtime"] = runtimeLabel;
        }

        Put(NodePath(name), node);
    }

    public void AddLease() => Put(LeasePath, Parse(
        $$"""
        {
          "kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
          "metadata": {"name": "crisp-node-agent", "namespace": "{{Space}}", "labels": {"app.kubernetes.io/managed-by": "Helm"} }
        }
        """));

    public string? LeaseHolder => Get(LeasePath)["spec"]?["holderIdentity"]?.GetValue<string>();

    /// <param name="owner">The kind of its controller; null is none.</param>
    public void AddPod(string name, string node, string? owner = "ReplicaSet", bool isMirror = false, bool hasEmptyDir = false, string phase = "Running")
    {
        var pod = Parse(
            $$"""
            {
              "kind": "Pod", "apiVersion": "v1",
              "metadata": {"name": "{{name}}", "namespace": "default"},
              "spec": {"nodeName": "{{node}}", "containers": [{"name": "main"}]},
              "status": {"phase": "{{phase}}"}
            }
            """);
        if (owner is not null)
        {
            pod["metadata"]!["ownerReferences"] = JsonNode.Parse(
                $$"""[{"apiVersion": "apps/v1", "kind": "{{owner}}", "name": "owner", "uid": "owner", "controller": true}]""");
        }

        if (isMirror)
        {
            pod["metadata"]!["annotations"] = Parse("""{"kubernetes.io/config.mirror": "hash"}""");
        }

        if (hasEmptyDir)
        {
            pod["spec"]!["volumes"] = JsonNode.Parse("""[{"name": "data", "emptyDir": {}}]""");
        }

        Put(PodPath(name), pod);
    }

    /// <summary>A PodDisruptionBudget that refuses a pod's eviction so many times.</summary>
    public void Protect(string pod, int times) => _budgets[PodPath(pod)] = times;

    /// <summary>How long evicted pods take to end.</summary>
    public TimeSpan GracePeriod { get; set; } = TimeSpan.FromMilliseconds(50);

    private (int, JsonNode) Evict(string path, JsonNode body)
    {
        if (ApiFields.Objection("Eviction", body) is { } objection)
        {
            return Refuse(400, objection);
        }

        if ($"{body["apiVersion"]}" != "policy/v1" || $"{body["kind"]}" != "Eviction")
        {
            return Refuse(400, $"no Eviction of policy/v1: {body["apiVersion"]}, {body["kind"]}");
        }

        lock (_gate)
        {
            if (!_objects.TryGetValue(path, out var pod))
            {
                return (404, Status(404, $"{path} not found"));
            }

            if (body["deleteOptions"]?["preconditions"]?["uid"] is { } uid && $"{uid}" != $"{pod["metadata"]!["uid"]}")
            {
                return (409, Status(409, "the UID in the precondition does not match the UID in record"));
            }

            if (_budgets.TryGetValue(path, out var left) && left > 0)
            {
                _budgets[path] = left - 1;
                return (429, Status(429, "Cannot evict pod as it would violate the pod's disruption budget."));
            }

            var ending = (JsonObject)pod.DeepClone();
            ending["metadata"]!["deletionTimestamp"] = "2026-01-01T00:00:00Z";
            Write(path, ending);
        }

        _ = Task.Delay(GracePeriod).ContinueWith(_ => Delete(path), TaskScheduler.Default);
        return (201, Status(201, "evicted"));
    }
}
