using System.Buffers.Text;
using System.Security.Cryptography;
using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.Streaming;

/// <summary>
/// Requests that wait for their client, each under a token that nobody can guess, that works once, and not for long: whoever
/// has the URL has the container. For any number of threads.
/// </summary>
internal sealed class StreamTokens(TimeProvider time)
{
    /// <summary>As other runtimes have it (k8s.io/cri-streaming).</summary>
    public const int MaxWaiting = 1000;

    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

    private const int TokenBytes = 24;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _waiting = [];

    // Oldest first; entries that were taken meanwhile are still in it.
    private readonly Queue<(string Token, DateTimeOffset Expiry)> _order = new();

    /// <exception cref="CriException">RESOURCE_EXHAUSTED: too many URLs wait for their clients.</exception>
    public string Add(StreamRequest request)
    {
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));
        var now = time.GetUtcNow();
        lock (_gate)
        {
            RemoveOld(now);
            if (_waiting.Count >= MaxWaiting)
            {
                throw new CriException(
                    StatusCode.ResourceExhausted, $"{MaxWaiting} URLs for exec, attach and port-forward wait for their clients already. Try again later.");
            }

            _waiting.Add(token, new Entry(request, now + Lifetime));
            _order.Enqueue((token, now + Lifetime));
        }

        return token;
    }

    /// <returns>Null: never given out, used before, or too old.</returns>
    public StreamRequest? Take(string token)
    {
        lock (_gate)
        {
            return _waiting.Remove(token, out var entry) && entry.Expiry > time.GetUtcNow() ? entry.Request : null;
        }
    }

    private void RemoveOld(DateTimeOffset now)
    {
        while (_order.TryPeek(out var oldest) && (oldest.Expiry <= now || !_waiting.ContainsKey(oldest.Token)))
        {
            _order.Dequeue();
            _waiting.Remove(oldest.Token);
        }
    }

    private sealed record Entry(StreamRequest Request, DateTimeOffset Expiry);
}
