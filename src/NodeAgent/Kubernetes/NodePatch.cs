using System.Text.Json.Nodes;

namespace Crisp.NodeAgent.Kubernetes;

/// <summary>What is to change of a node. Only this is sent, so that nobody else's change is undone.</summary>
/// <param name="Labels">Null as a value removes the label.</param>
/// <param name="Unschedulable">Whether the scheduler is to leave the node alone; null changes nothing.</param>
internal sealed record NodePatch(
    IReadOnlyDictionary<string, string?>? Labels = null,
    IReadOnlyDictionary<string, string?>? Annotations = null,
    bool? Unschedulable = null)
{
    /// <summary>The JSON merge patch (RFC 7386).</summary>
    public string ToJson()
    {
        var metadata = new JsonObject();
        Add(metadata, "labels", Labels);
        Add(metadata, "annotations", Annotations);
        var patch = new JsonObject();
        if (metadata.Count > 0)
        {
            patch["metadata"] = metadata;
        }

        if (Unschedulable is { } unschedulable)
        {
            // Absent and false are the same; kubectl uncordon removes it too.
            patch["spec"] = new JsonObject { ["unschedulable"] = unschedulable ? JsonValue.Create(true) : null };
        }

        return patch.ToJsonString();
    }

    private static void Add(JsonObject metadata, string name, IReadOnlyDictionary<string, string?>? values)
    {
        if (values is { Count: > 0 })
        {
            metadata[name] = new JsonObject(values.Select(v => KeyValuePair.Create(v.Key, (JsonNode?)v.Value)));
        }
    }
}
