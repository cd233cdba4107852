using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using k8s.Autorest;
using k8s.Models;
using Polly;

namespace Crisp.NodeAgent.Kubernetes;

/// <summary>
/// What the agent asks of the API server, and nothing else: the chart's ClusterRole is this list. Every call is one that may be
/// repeated, and is, while the server is away or overloaded (<see cref="ApiRetry"/>).
/// </summary>
internal sealed partial class Cluster : IDisposable
{
    private const int PageSize = 200;

    // A server that says nothing for so long is gone; it may take its time for a list.
    private static readonly TimeSpan s_attempt = TimeSpan.FromSeconds(30);
    private readonly k8s.Kubernetes _client;
    private readonly ResiliencePipeline _pipeline;
    private readonly Action<string, string> _counted;

    /// <param name="retryDelay">Before the second attempt of a call.</param>
    /// <param name="counted">Hears of every attempt: verb and resource, and what became of it ("200", "error").</param>
    public Cluster(KubernetesClientConfiguration configuration, TimeSpan retryDelay, TimeProvider time, Action<string, string>? counted = null)
    {
        _client = new k8s.Kubernetes(configuration);
        _client.HttpClient.Timeout = Timeout.InfiniteTimeSpan; // A watch lasts; attempts have their own limit.
        _pipeline = ApiRetry.Pipeline(retryDelay, s_attempt, time);
        _counted = counted ?? ((_, _) => { });
    }

    /// <exception cref="ClusterException">404: there is no such node.</exception>
    public Task<V1Node> GetNodeAsync(string name, CancellationToken cancellation)
        => CallAsync($"get node {name}", c => _client.CoreV1.ReadNodeAsync(name, cancellationToken: c), cancellation);

    public Task<IReadOnlyList<V1Node>> ListNodesAsync(string labelSelector, CancellationToken cancellation) => ListAsync<V1NodeList, V1Node>(
        "list nodes",
        (next, c) => _client.CoreV1.ListNodeAsync(labelSelector: labelSelector, limit: PageSize, continueParameter: next, cancellationToken: c),
        cancellation);

    /// <summary>Labels, annotations and whether pods are scheduled there, by a JSON merge patch (RFC 7386): null removes.</summary>
    public Task<V1Node> PatchNodeAsync(string name, NodePatch patch, CancellationToken cancellation)
    {
        var body = new V1Patch(patch.ToJson(), V1Patch.PatchType.MergePatch);
        return CallAsync($"patch node {name}", c => _client.CoreV1.PatchNodeAsync(body, name, cancellationToken: c), cancellation);
    }

    /// <summary>The pods that are bound to a node, in all namespaces.</summary>
    public Task<IReadOnlyList<V1Pod>> ListPodsAsync(string node, CancellationToken cancellation) => ListAsync<V1PodList, V1Pod>(
        "list pods",
        (next, c) => _client.CoreV1.ListPodForAllNamespacesAsync(
            fieldSelector: $"spec.nodeName={node}", limit: PageSize, continueParameter: next, cancellationToken: c),
        cancellation);

    /// <summary>
    /// Asks for a pod's eviction, which PodDisruptionBudgets may refuse. Asked once: that a budget refuses for now is 429 too, and
    /// the drain knows how long it has.
    /// </summary>
    /// <returns>Null when it is granted or the pod is gone; otherwise why not, and when to ask again.</returns>
    public async Task<EvictionRefusal?> EvictAsync(V1Pod pod, CancellationToken cancellation)
    {
        var eviction = new V1Eviction
        {
            ApiVersion = "policy/v1",
            Kind = "Eviction",
            Metadata = new V1ObjectMeta { Name = pod.Metadata.Name, NamespaceProperty = pod.Metadata.NamespaceProperty },
            DeleteOptions = new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = pod.Metadata.Uid } },
        };
        var what = $"evict pod {pod.Metadata.NamespaceProperty}/{pod.Metadata.Name}";
        try
        {
            await AttemptAsync(
                what,
                c => _client.CoreV1.CreateNamespacedPodEvictionWithHttpMessagesAsync(
                    eviction, pod.Metadata.Name, pod.Metadata.NamespaceProperty, cancellationToken: c),
                cancellation);
            return null;
        }
        catch (HttpOperationException e) when ((int)e.Response.StatusCode is 404 or 409)
        {
            // Gone, or another pod of the name already (the precondition): both are what was wanted.
            return null;
        }
        catch (Exception e) when (ApiRetry.IsTransient(e))
        {
            return new EvictionRefusal(Reason(e), ApiRetry.RetryAfter(e));
        }
        catch (HttpOperationException e)
        {
            throw Failed(what, e);
        }
    }

    /// <exception cref="ClusterException">404: the chart's Lease is not there.</exception>
    public Task<V1Lease> GetLeaseAsync(string space, string name, CancellationToken cancellation)
        => CallAsync($"get lease {space}/{name}", c => _client.CoordinationV1.ReadNamespacedLeaseAsync(name, space, cancellationToken: c), cancellation);

    /// <summary>Replaces the lease if nobody else has since it was read.</summary>
    /// <returns>Null when somebody has.</returns>
    public async Task<V1Lease?> ReplaceLeaseAsync(V1Lease lease, CancellationToken cancellation)
    {
        // Every object of a real API server has them. The library cannot write what it reads there, and without them the server keeps its own.
        lease.Metadata.ManagedFields = null;
        try
        {
            return await CallAsync(
                $"update lease {lease.Metadata.NamespaceProperty}/{lease.Metadata.Name}",
                c => _client.CoordinationV1.ReplaceNamespacedLeaseAsync(
                    lease, lease.Metadata.Name, lease.Metadata.NamespaceProperty, cancellationToken: c),
                cancellation);
        }
        catch (ClusterException e) when (e.Status == 409)
        {
            return null;
        }
    }

    /// <returns>False when there is one of the name already.</returns>
    public async Task<bool> TryCreateEventAsync(Corev1Event happening, CancellationToken cancellation)
    {
        try
        {
            await CallAsync(
                "create event",
                c => _client.CoreV1.CreateNamespacedEventAsync(happening, happening.Metadata.NamespaceProperty, cancellationToken: c),
                cancellation);
            return true;
        }
        catch (ClusterException e) when (e.Status == 409)
        {
            return false;
        }
    }

    public Task<Corev1Event> GetEventAsync(string space, string name, CancellationToken cancellation)
        => CallAsync("get event", c => _client.CoreV1.ReadNamespacedEventAsync(name, space, cancellationToken: c), cancellation);

    public Task<Corev1Event> PatchEventAsync(string space, string name, JsonObject patch, CancellationToken cancellation)
    {
        var body = new V1Patch(patch.ToJsonString(), V1Patch.PatchType.MergePatch);
        return CallAsync("patch event", c => _client.CoreV1.PatchNamespacedEventAsync(body, name, space, cancellationToken: c), cancellation);
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Reads a list to its last page.</summary>
    private async Task<IReadOnlyList<T>> ListAsync<TList, T>(string what, Func<string?, CancellationToken, Task<TList>> page, CancellationToken cancellation)
        where TList : IItems<T>, IMetadata<V1ListMeta>
    {
        var items = new List<T>();
        string? next = null;
        do
        {
            var read = await CallAsync(what, c => page(next, c), cancellation);
            items.AddRange(read.Items);
            next = read.Metadata.ContinueProperty;
        }
        while (!string.IsNullOrEmpty(next));
        return items;
    }

    private async Task<T> CallAsync<T>(string what, Func<CancellationToken, Task<T>> call, CancellationToken cancellation)
    {
        try
        {
            return await _pipeline.ExecuteAsync(async c => await AttemptAsync(what, call, c), cancellation);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested && (e is HttpOperationException or JsonException || ApiRetry.IsTransient(e)))
        {
            throw Failed(what, e);
        }
        catch (HttpOperationException e) when (cancellation.IsCancellationRequested)
        {
            // What the server said last is nobody's business any more; as an error it would look like the agent's.
            throw new OperationCanceledException($"The agent ends; the API server was to {what}.", e, cancellation);
        }
    }

    private async Task<T> AttemptAsync<T>(string what, Func<CancellationToken, Task<T>> call, CancellationToken cancellation)
    {
        var outcome = "error";
        try
        {
            var answer = await call(cancellation);
            outcome = "ok";
            return answer;
        }
        catch (HttpOperationException e)
        {
            outcome = $"{(int)e.Response.StatusCode}";
            throw;
        }
        finally
        {
            _counted(string.Join(' ', what.Split(' ').Take(2)), outcome);
        }
    }

    private static ClusterException Failed(string what, Exception error)
        => new($"The API server did not {what}: {Reason(error)}", (int?)ApiRetry.StatusOf(error), error);

    /// <summary>The message of the Status that the server answers with, or what stands in its place.</summary>
    private static string Reason(Exception error)
    {
        if (error is not HttpOperationException http)
        {
            return error.Message;
        }

        try
        {
            return $"{(int)http.Response.StatusCode}, {JsonNode.Parse(http.Response.Content)?["message"]?.GetValue<string>() ?? "without a message"}";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentNullException)
        {
            return $"{(int)http.Response.StatusCode}";
        }
    }
}

/// <param name="Reason">What the server said.</param>
/// <param name="RetryAfter">When it wants to be asked again, where it said so.</param>
internal sealed record EvictionRefusal(string Reason, TimeSpan? RetryAfter);
