using Crisp.CriServer.Streaming.Spdy;

namespace Crisp.CriServer.Streaming.RemoteCommands;

/// <summary>The streams of an exec or attach over SPDY: the client opens each, and names its kind in the header streamtype.</summary>
internal sealed class SpdyRemoteCommand : IAsyncDisposable
{
    // As other runtimes have it (k8s.io/cri-streaming, DefaultStreamCreationTimeout).
    private static readonly TimeSpan _creationPatience = TimeSpan.FromSeconds(30);
    private readonly Dictionary<string, SpdyStream> _streams = [];
    private readonly HashSet<string> _expected;
    private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RemoteProtocol _protocol;

    public SpdyRemoteCommand(
        Stream transport, RemoteProtocol protocol, RemoteCommandRequest request, StreamingEnvironment environment, params CancellationToken[] ends)
    {
        _protocol = protocol;
        _expected = Expected(protocol, request);
        Session = new SpdySession(transport, _expected.Count, Accept, environment, ends);
    }

    public SpdySession Session { get; }

    /// <summary>Waits for all streams of the request.</summary>
    /// <exception cref="TimeoutException">The client has not opened them in time.</exception>
    public async Task<RemoteChannels> OpenAsync()
    {
        Session.Start();
        await _complete.Task.WaitAsync(_creationPatience, Session.Owner.Token);
        foreach (var name in (string[])["stdout", "stderr", "error"])
        {
            Find(name)?.IgnoreInput();
        }

        return new RemoteChannels
        {
            Stdin = Find("stdin"),
            Stdout = Find("stdout"),
            Stderr = Find("stderr"),
            Resize = Find("resize"),
            Error = _streams["error"],
            StatusIsJson = _protocol.StatusIsJson,
        };
    }

    public ValueTask DisposeAsync() => Session.DisposeAsync();

    private SpdyStream? Find(string name) => _streams.GetValueOrDefault(name);

    // Called by the reader of the connection, one at a time; read by others once all are there.
    private bool Accept(SpdyStream stream)
    {
        if (!stream.Headers.TryGetValue("streamtype", out var type) || !_expected.Contains(type) || !_streams.TryAdd(type, stream))
        {
            return false;
        }

        if (_streams.Count == _expected.Count)
        {
            _complete.TrySetResult();
        }

        return true;
    }

    private static HashSet<string> Expected(RemoteProtocol protocol, RemoteCommandRequest request)
    {
        HashSet<string> expected = ["error"];
        (string Name, bool Wanted)[] optional =
        [
            ("stdin", request.Stdin), ("stdout", request.Stdout), ("stderr", request.Stderr), ("resize", request.Terminal && protocol.HasResize),
        ];
        expected.UnionWith(optional.Where(o => o.Wanted).Select(o => o.Name));
        return expected;
    }
}
