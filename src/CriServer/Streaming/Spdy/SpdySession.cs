namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>A connection that is read in the background, with its owner: what sessions of both kinds are made of.</summary>
internal sealed class SpdySession : IAsyncDisposable
{
    // For the client to read what was last sent. A socket that is closed with bytes unread takes away what its peer has not read.
    private static readonly TimeSpan _closePatience = TimeSpan.FromSeconds(5);
    private readonly CancellationTokenSource _gone = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly ILogger _logger;
    private Task _reading = Task.CompletedTask;

    public SpdySession(Stream transport, int maxStreams, Func<SpdyStream, bool> accept, StreamingEnvironment environment, params CancellationToken[] ends)
    {
        SessionOwner? owner = null;
        Connection = new SpdyConnection(transport, new SpdyOptions
        {
            IsServer = true,
            MaxStreams = maxStreams,
            Accept = accept,
            Received = () => owner?.Touch(),
        });
        Owner = owner = new SessionOwner(environment.Time, environment.IdleTimeout, Connection.SendPingAsync, [_gone.Token, .. ends]);
        _logger = environment.Logger;
    }

    public SpdyConnection Connection { get; }

    public SessionOwner Owner { get; }

    /// <summary>Begins to read; streams are accepted from now on.</summary>
    public void Start() => _reading = ReadAsync();

    /// <summary>Says goodbye, and waits a moment for the client to close.</summary>
    public async Task CloseAsync()
    {
        await Connection.SendGoAwayAsync().WaitAsync(_closePatience);
        await _reading.WaitAsync(_closePatience);
    }

    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync();
        await _reading;
        await Connection.DisposeAsync();
        Owner.Dispose();
        _gone.Dispose();
        _closed.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            await Connection.RunAsync(_closed.Token);
        }
        catch (SpdyException e)
        {
            StreamingLog.ProtocolBroken(_logger, e.Message);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client has gone, with or without a word.
        }
        finally
        {
            await _gone.CancelAsync();
        }
    }
}
