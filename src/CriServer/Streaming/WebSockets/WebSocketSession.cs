using System.Net.WebSockets;

namespace Crisp.CriServer.Streaming.WebSockets;

/// <summary>A WebSocket that is read in the background, with its owner.</summary>
internal sealed class WebSocketSession : IAsyncDisposable
{
    private static readonly TimeSpan _closePatience = TimeSpan.FromSeconds(5);
    private readonly CancellationTokenSource _gone = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly Task _reading;

    public WebSocketSession(WebSocket socket, int channels, bool hasClose, StreamingEnvironment environment, params CancellationToken[] ends)
    {
        // The platform's WebSocket pings by itself.
        Owner = new SessionOwner(environment.Time, environment.IdleTimeout, ping: null, [_gone.Token, .. ends]);
        Connection = new WebSocketConnection(socket, channels, hasClose, Owner.Touch);
        _reading = ReadAsync();
    }

    public WebSocketConnection Connection { get; }

    public SessionOwner Owner { get; }

    /// <summary>Says goodbye, and waits a moment for the client's.</summary>
    public async Task CloseAsync()
    {
        await Connection.CloseAsync();
        await _reading.WaitAsync(_closePatience);
    }

    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync();
        await _reading;
        Connection.Dispose();
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
        catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException)
        {
            // The client has gone, with or without a word.
        }
        finally
        {
            await _gone.CancelAsync();
        }
    }
}
