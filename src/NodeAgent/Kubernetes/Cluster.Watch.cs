using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Autorest;

namespace Crisp.NodeAgent.Kubernetes;

internal sealed partial class Cluster
{
    // The server ends the watch by itself then; without it a connection that died silently would be waited on for ever.
    private const int WatchSeconds = 300;
    private static readonly TimeSpan s_watchEnd = TimeSpan.FromSeconds(WatchSeconds + 30);

    /// <summary>
    /// Yields once for every change of a node, until the watch ends: by the server's will, by a dropped connection, or because the
    /// version is too old (410). What has changed is not told; whoever acts reads the node again.
    /// </summary>
    /// <param name="resourceVersion">From where on.</param>
    /// <remarks>KubernetesClient.Aot has no watches. One is a GET whose answer is a JSON object a line (api-concepts, watch).</remarks>
    /// <exception cref="ClusterException">The watch could not be begun.</exception>
    public async IAsyncEnumerable<bool> WatchNodeAsync(
        string name, string resourceVersion, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(s_watchEnd);
        using var answer = await BeginWatchAsync(name, resourceVersion, limit.Token);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(limit.Token));
        while (await ReadLineAsync(reader, limit.Token) is { } line)
        {
            cancellation.ThrowIfCancellationRequested();
            if (TypeOf(line) is not ("ADDED" or "MODIFIED" or "DELETED"))
            {
                // ERROR carries a Status, 410 as a rule; BOOKMARK is not asked for. The list that follows puts either right.
                yield break;
            }

            yield return true;
        }
    }

    private async Task<HttpResponseMessage> BeginWatchAsync(string name, string resourceVersion, CancellationToken cancellation)
    {
        var what = $"watch node {name}";
        var query = $"api/v1/nodes?watch=true&fieldSelector={Uri.EscapeDataString($"metadata.name={name}")}"
            + $"&resourceVersion={Uri.EscapeDataString(resourceVersion)}&timeoutSeconds={WatchSeconds}";
        try
        {
            return await AttemptAsync(what, async c =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_client.BaseUri, query));
                if (_client.Credentials is { } credentials)
                {
                    await credentials.ProcessHttpRequestAsync(request, c);
                }

                var answer = await _client.HttpClient.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, c);
                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    var text = await answer.Content.ReadAsStringAsync(c);
                    answer.Dispose();
                    throw new HttpOperationException { Request = new HttpRequestMessageWrapper(request, ""), Response = new HttpResponseMessageWrapper(answer, text) };
                }

                return answer;
            }, cancellation);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested && (e is HttpOperationException || ApiRetry.IsTransient(e)))
        {
            throw Failed(what, e);
        }
    }

    /// <summary>Null at the end, however it came.</summary>
    private static async Task<string?> ReadLineAsync(StreamReader reader, CancellationToken cancellation)
    {
        try
        {
            return await reader.ReadLineAsync(cancellation);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException)
        {
            return null;
        }
    }

    private static string? TypeOf(string line)
    {
        try
        {
            return JsonNode.Parse(line)?["type"]?.GetValue<string>();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
