using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Crisp.NodeAgent.Tests.Api;

/// <summary>
/// The fields of the objects that the agent sends, by the published OpenAPI of Kubernetes 1.36 (api/openapi-spec): all of the kinds
/// themselves, and of ObjectMeta those that a client may set. A strict API server refuses every other.
/// </summary>
internal static partial class ApiFields
{
    private const string Text = "string";
    private const string Number = "integer";
    private const string Flag = "boolean";
    private const string Time = "time";
    private const string MicroTime = "micro-time";
    private const string Texts = "map-of-strings";

    // A kind, and its fields with their types.
    private const string Table =
        """
        Lease            apiVersion:string kind:string metadata:ObjectMeta spec:LeaseSpec
        LeaseSpec        acquireTime:micro-time holderIdentity:string leaseDurationSeconds:integer leaseTransitions:integer
                         preferredHolder:string renewTime:micro-time strategy:string
        Eviction         apiVersion:string kind:string metadata:ObjectMeta deleteOptions:DeleteOptions
        DeleteOptions    apiVersion:string kind:string gracePeriodSeconds:integer preconditions:Preconditions propagationPolicy:string
        Preconditions    uid:string resourceVersion:string
        Event            apiVersion:string kind:string metadata:ObjectMeta action:string count:integer eventTime:micro-time
                         firstTimestamp:time involvedObject:ObjectReference lastTimestamp:time message:string reason:string
                         related:ObjectReference reportingComponent:string reportingInstance:string source:EventSource type:string
        ObjectReference  apiVersion:string fieldPath:string kind:string name:string namespace:string resourceVersion:string uid:string
        EventSource      component:string host:string
        Node             metadata:ObjectMeta spec:NodeSpec
        NodeSpec         unschedulable:boolean
        ObjectMeta       annotations:map-of-strings labels:map-of-strings name:string namespace:string resourceVersion:string uid:string
                         creationTimestamp:time generation:integer
        """;

    private static readonly Dictionary<string, Dictionary<string, string>> s_kinds = Read();

    /// <summary>What a strict API server would say of it; null when all is well. In a merge patch null removes.</summary>
    public static string? Objection(string kind, JsonNode? node, bool isPatch = false)
    {
        if (node is not JsonObject value)
        {
            return $"{kind} is no object";
        }

        foreach (var (name, field) in value)
        {
            if (!s_kinds[kind].TryGetValue(name, out var type))
            {
                return $"strict decoding error: unknown field \"{kind}.{name}\"";
            }

            var problem = field is null ? (isPatch ? null : $"{kind}.{name} is null")
                : s_kinds.ContainsKey(type) ? Objection(type, field, isPatch)
                : type == Texts ? (field is JsonObject map && map.All(m => m.Value is null ? isPatch : m.Value.GetValueKind() == JsonValueKind.String) ? null : $"{kind}.{name} is no map of strings")
                : HasType(field, type) ? null
                : $"{kind}.{name} is no {type}: {field.ToJsonString()}";
            if (problem is not null)
            {
                return problem;
            }
        }

        return null;
    }

    private static Dictionary<string, Dictionary<string, string>> Read()
    {
        var kinds = new Dictionary<string, Dictionary<string, string>>();
        var kind = "";
        foreach (var word in Table.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.Split(':') is [var name, var type])
            {
                kinds[kind].Add(name, type);
            }
            else
            {
                kinds.Add(kind = word, []);
            }
        }

        return kinds;
    }

    private static bool HasType(JsonNode field, string type) => (type, field.GetValueKind()) switch
    {
        (Text, JsonValueKind.String) => true,
        (Number, JsonValueKind.Number) => true,
        (Flag, JsonValueKind.True or JsonValueKind.False) => true,
        // metav1.Time is RFC 3339; metav1.MicroTime has six digits behind the point, no more and no fewer.
        (Time, JsonValueKind.String) => Rfc3339().IsMatch(field.GetValue<string>()),
        (MicroTime, JsonValueKind.String) => Rfc3339Micro().IsMatch(field.GetValue<string>()),
        _ => false,
    };

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
    private static partial Regex Rfc3339();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
    private static partial Regex Rfc3339Micro();
}
