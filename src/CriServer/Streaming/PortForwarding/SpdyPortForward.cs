using System.Globalization;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.Streaming.Spdy;

namespace Crisp.CriServer.Streaming.PortForwarding;

/// <summary>
/// A port-forward session over SPDY: for each connection that it makes, the client opens an error and a data stream with the
/// same requestid. Any number of connections, one after the other or at once; one that fails or stalls is no other's affair.
/// </summary>
internal sealed class SpdyPortForward : IAsyncDisposable
{
    public const string Protocol = "portforward.k8s.io";

    /// <summary>Connections at once.</summary>
    public const int MaxConnections = 256;

    private static readonly TimeSpan _pairPatience = TimeSpan.FromSeconds(30);
    private readonly Node _node;
    private readonly string _sandboxId;
    private readonly Dictionary<string, SpdyStream> _unpaired = [];
    private readonly SpdySession _session;

    public SpdyPortForward(Node node, string sandboxId, Stream transport, StreamingEnvironment environment, params CancellationToken[] ends)
    {
        _node = node;
        _sandboxId = sandboxId;
        _session = new SpdySession(transport, 2 * MaxConnections, Accept, environment, ends);
    }

    /// <summary>Until the client goes.</summary>
    public async Task RunAsync()
    {
        _session.Start();
        var gone = new TaskCompletionSource();
        await using var registration = _session.Owner.Token.Register(gone.SetResult);
        await gone.Task;
    }

    public ValueTask DisposeAsync() => _session.DisposeAsync();

    // Called by the reader of the connection, one at a time.
    private bool Accept(SpdyStream stream)
    {
        if (!stream.Headers.TryGetValue("streamtype", out var type) || type is not ("data" or "error") || PortOf(stream) is not { } port)
        {
            return false;
        }

        // Clients of old send no requestid; they open the error stream first, and the data stream next.
        var request = stream.Headers.GetValueOrDefault("requestid")
            ?? (type == "error" ? stream.Id : stream.Id - 2).ToString(CultureInfo.InvariantCulture);
        lock (_unpaired)
        {
            if (!_unpaired.Remove(request, out var other))
            {
                _unpaired.Add(request, stream);
                _ = ExpireAsync(request, stream);
                return true;
            }

            if (other.Headers["streamtype"] == type || PortOf(other) != port)
            {
                _unpaired.Add(request, other);
                return false;
            }

            var (data, error) = type == "data" ? (stream, other) : (other, stream);
            _ = ForwardAsync(data, error, port);
            return true;
        }
    }

    private static int? PortOf(SpdyStream stream)
        => stream.Headers.TryGetValue("port", out var text)
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= ushort.MaxValue
            ? port
            : null;

    private async Task ExpireAsync(string request, SpdyStream stream)
    {
        try
        {
            await Task.Delay(_pairPatience, _session.Owner.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (_unpaired)
        {
            if (_unpaired.GetValueOrDefault(request) != stream)
            {
                return;
            }

            _unpaired.Remove(request);
        }

        await stream.AbortAsync(SpdyReset.Cancel);
    }

    private async Task ForwardAsync(SpdyStream data, SpdyStream error, int port)
    {
        // The reader goes on, and the replies to the streams go out first.
        await Task.Yield();
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(_session.Owner.Token, data.Reset);
        try
        {
            await new ForwardedConnection(data, error, _session.Owner.Touch).RunAsync(_node, _sandboxId, port, ends.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or CriException)
        {
            // The client, or the pod, has ended it. The streams below end for the other.
        }

        await data.AbortAsync(SpdyReset.Cancel);
        await error.AbortAsync(SpdyReset.Cancel);
    }
}
