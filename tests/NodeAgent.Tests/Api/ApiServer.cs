using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using k8s;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Crisp.NodeAgent.Tests.Api;

/// <summary>
/// A Kubernetes API server for nodes, pods, evictions, leases and events, over HTTP: versions and conflicts, merge patches, lists in
/// pages, watches from a version on, budgets. It refuses what a strict server refuses, can fail in every way, and can be gone.
/// </summary>
internal sealed partial class ApiServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, JsonObject> _objects = new(StringComparer.Ordinal);
    private readonly List<(long Version, string Type, string Path, JsonObject Object)> _changes = [];
    private long _version = 1000;

    private ApiServer(WebApplication app)
    {
        _app = app;
        _app.Run(AnswerAsync);
    }

    public string Url => _app.Urls.Single();

    public KubernetesClientConfiguration Client => new() { Host = Url, DisableHttp2 = true };

    /// <summary>What the agent asked: "PATCH /api/v1/nodes/n1".</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>What a strict server would have refused.</summary>
    public ConcurrentQueue<string> Objections { get; } = new();

    /// <summary>Connections are cut.</summary>
    public bool IsGone { get; set; }

    /// <summary>Objects on a page at most, whatever the client's limit.</summary>
    public int PageSize { get; set; } = 500;

    /// <summary>Decides on a request before it is carried out: null lets it through.</summary>
    public Func<string, Fault?>? Faults { get; set; }

    /// <summary>Cuts the connection after a request was carried out: its answer is lost.</summary>
    public Func<string, bool>? LosesAnswer { get; set; }

    public static async Task<ApiServer> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        builder.Services.AddRouting();
        var server = new ApiServer(builder.Build());
        await server._app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        IsGone = true;
        DropWatches();
        await _app.DisposeAsync();
    }

    /// <summary>A copy of an object; null when there is none.</summary>
    public JsonObject? Find(string path)
    {
        lock (_gate)
        {
            return (JsonObject?)_objects.GetValueOrDefault(path)?.DeepClone();
        }
    }

    public JsonObject Get(string path) => Find(path) ?? throw new InvalidOperationException($"{path} is not there.");

    public IReadOnlyList<JsonObject> List(string prefix)
    {
        lock (_gate)
        {
            return [.. _objects.Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(o => (JsonObject)o.Value.DeepClone())];
        }
    }

    public void Put(string path, JsonObject value) => Write(path, value);

    /// <summary>Changes an object as its owner would.</summary>
    public void Change(string path, Action<JsonObject> change)
    {
        lock (_gate)
        {
            var value = (JsonObject)_objects[path].DeepClone();
            change(value);
            Write(path, value);
        }
    }

    public void Delete(string path)
    {
        lock (_gate)
        {
            if (_objects.Remove(path, out var value))
            {
                _changes.Add((++_version, "DELETED", path, value));
            }
        }

        Wake();
    }

    private JsonObject Write(string path, JsonObject value)
    {
        lock (_gate)
        {
            var metadata = value["metadata"]!.AsObject();
            metadata["resourceVersion"] = $"{++_version}";
            metadata["uid"] ??= $"uid-{_version}";
            metadata["managedFields"] = new JsonArray(ManagedFields($"{value["apiVersion"]}"));
            var type = _objects.ContainsKey(path) ? "MODIFIED" : "ADDED";
            _objects[path] = value;
            _changes.Add((_version, type, path, (JsonObject)value.DeepClone()));
        }

        Wake();
        return value;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var request = $"{context.Request.Method} {context.Request.Path}{(IsWatch(context) ? "?watch" : "")}";
        Requests.Enqueue(request);
        if (IsGone)
        {
            context.Abort();
            return;
        }

        if (Faults?.Invoke(request) is { } fault)
        {
            if (fault.RetryAfter is { } seconds)
            {
                context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
            }

            await StatusAsync(context, fault.Status, fault.Message);
            return;
        }

        try
        {
            await CarryOutAsync(context, request);
        }
        catch (Exception e) when (e is not (OperationCanceledException or IOException))
        {
            Objections.Enqueue($"{request}: {e}");
            throw;
        }
    }

    private async Task CarryOutAsync(HttpContext context, string request)
    {
        var path = context.Request.Path.Value!;
        var body = context.Request.ContentLength > 0 || context.Request.Headers.TransferEncoding.Count > 0
            ? await JsonNode.ParseAsync(context.Request.Body)
            : null;
        var (status, answer) = (context.Request.Method, path) switch
        {
            ("GET", _) when IsWatch(context) => (0, null),
            ("GET", "/api/v1/nodes") => (200, ListOf("NodeList", "/api/v1/nodes/", context.Request.Query)),
            ("GET", "/api/v1/pods") => (200, ListOf("PodList", "/api/v1/namespaces/", context.Request.Query)),
            ("GET", _) => Find(path) is { } found ? (200, found) : (404, Status(404, $"{path} not found")),
            ("PATCH", _) => Patch(path, context.Request.ContentType, body!),
            ("PUT", _) => Replace(path, body!),
            ("POST", _) when path.EndsWith("/eviction", StringComparison.Ordinal) => Evict(path[..^"/eviction".Length], body!),
            ("POST", _) => Create(path, body!),
            _ => (405, Status(405, "method not allowed")),
        };
        if (answer is null)
        {
            await WatchAsync(context);
        }
        else if (LosesAnswer?.Invoke(request) == true)
        {
            context.Abort();
        }
        else
        {
            await WriteAsync(context, status, answer);
        }
    }

    private static bool IsWatch(HttpContext context) => context.Request.Query["watch"] == "true";

    private static Task WriteAsync(HttpContext context, int status, JsonNode answer)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(answer.ToJsonString());
    }

    private static Task StatusAsync(HttpContext context, int status, string message) => WriteAsync(context, status, Status(status, message));

    private static JsonObject Status(int code, string message)
    {
        var status = Parse($$"""{"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "{{(code < 300 ? "Success" : "Failure")}}", "code": {{code}}}""");
        status["message"] = message;
        return status;
    }

    /// <summary>Who set what (metav1.ManagedFieldsEntry): a server's own on each object, whatever was sent.</summary>
    private static JsonObject ManagedFields(string apiVersion) => Parse(
        $$"""
        {
          "manager": "kubelet", "operation": "Update", "apiVersion": "{{apiVersion}}", "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
          "fieldsV1": { "f:metadata": { "f:labels": { ".": { }, "f:kubernetes.io/hostname": { } } }, "f:status": { "f:conditions": { "k:{\"type\":\"Ready\"}": { } } } }
        }
        """);

    private static JsonObject Parse(string json) => JsonNode.Parse(json)!.AsObject();

    private (int, JsonNode) Refuse(int status, string message)
    {
        Objections.Enqueue(message);
        return (status, Status(status, message));
    }

    private (int, JsonNode) Patch(string path, string? type, JsonNode body)
    {
        var kind = path.Contains("/events/", StringComparison.Ordinal) ? "Event" : "Node";
        if (type is null || !type.StartsWith("application/merge-patch+json", StringComparison.Ordinal))
        {
            return Refuse(415, $"the body of the request was in an unknown format: {type}");
        }

        if (ApiFields.Objection(kind, body, isPatch: true) is { } objection)
        {
            return Refuse(400, objection);
        }

        lock (_gate)
        {
            return _objects.TryGetValue(path, out var found)
                ? (200, Write(path, Merge((JsonObject)found.DeepClone(), body.AsObject())).DeepClone())
                : (404, Status(404, $"{path} not found"));
        }
    }

    /// <summary>RFC 7386.</summary>
    private static JsonObject Merge(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null)
            {
                target.Remove(name);
            }
            else
            {
                target[name] = value is JsonObject inner ? Merge(target[name] as JsonObject is { } o ? (JsonObject)o.DeepClone() : [], inner) : value.DeepClone();
            }
        }

        return target;
    }

    private (int, JsonNode) Replace(string path, JsonNode body)
    {
        if (ApiFields.Objection("Lease", body) is { } objection)
        {
            return Refuse(400, objection);
        }

        lock (_gate)
        {
            return !_objects.TryGetValue(path, out var found) ? (404, Status(404, $"{path} not found"))
                : $"{found["metadata"]!["resourceVersion"]}" != $"{body["metadata"]!["resourceVersion"]}"
                    ? (409, Status(409, "the object has been modified; please apply your changes to the latest version and try again"))
                    : (200, Write(path, (JsonObject)body.DeepClone()).DeepClone());
        }
    }

    private (int, JsonNode) Create(string path, JsonNode body)
    {
        if (ApiFields.Objection("Event", body) is { } objection)
        {
            return Refuse(400, objection);
        }

        // As ValidateEventCreate: events of objects without a namespace are in "default".
        if (body["involvedObject"]!["namespace"] is null && path != "/api/v1/namespaces/default/events")
        {
            return Refuse(422, "involvedObject.namespace does not match event.namespace");
        }

        var name = $"{path}/{body["metadata"]!["name"]}";
        lock (_gate)
        {
            return _objects.ContainsKey(name) ? (409, Status(409, $"{name} already exists")) : (201, Write(name, (JsonObject)body.DeepClone()).DeepClone());
        }
    }

    private JsonObject ListOf(string kind, string prefix, IQueryCollection query)
    {
        var (label, field) = ($"{query["labelSelector"]}", $"{query["fieldSelector"]}");
        var from = $"{query["continue"]}";
        lock (_gate)
        {
            var matching = _objects
                .Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal) && (kind == "NodeList" || o.Key.Contains("/pods/", StringComparison.Ordinal)))
                .Where(o => Selects(label, o.Value["metadata"]!["labels"] as JsonObject) && SelectsField(field, o.Value))
                .Where(o => string.CompareOrdinal(o.Key, from) > 0)
                .ToList();
            var page = matching.Take(PageSize).ToList();
            var metadata = new JsonObject { ["resourceVersion"] = $"{_version}" };
            if (page.Count < matching.Count)
            {
                metadata["continue"] = page[^1].Key;
            }

            var list = Parse($$"""{"kind": "{{kind}}", "apiVersion": "v1"}""");
            list["metadata"] = metadata;
            list["items"] = new JsonArray([.. page.Select(o => o.Value.DeepClone())]);
            return list;
        }
    }

    private static bool Selects(string selector, JsonObject? labels)
    {
        var parts = selector.Split('=');
        return selector.Length == 0 || (labels?[parts[0]] is { } value && (parts.Length == 1 || $"{value}" == parts[1]));
    }

    private static bool SelectsField(string selector, JsonObject value) => selector.Length == 0
        || (selector.StartsWith("spec.nodeName=", StringComparison.Ordinal) && $"{value["spec"]?["nodeName"]}" == selector["spec.nodeName=".Length..])
        || (selector.StartsWith("metadata.name=", StringComparison.Ordinal) && $"{value["metadata"]!["name"]}" == selector["metadata.name=".Length..]);
}

/// <summary>An answer in place of the right one.</summary>
/// <param name="RetryAfter">Seconds of the header; null is without one.</param>
internal sealed record Fault(int Status, string Message = "made by the test", int? RetryAfter = null);
