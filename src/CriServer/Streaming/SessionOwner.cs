namespace Crisp.CriServer.Streaming;

/// <summary>
/// The client of a session, as a token: everything that is done for it hangs on this, and ends when the client goes, the
/// daemon stops, the pod's process is gone, or nothing has moved for long.
/// </summary>
internal sealed class SessionOwner : IDisposable
{
    // A client that went without a word, while nothing is read from it, is noticed by a ping that cannot be delivered.
    private static readonly TimeSpan _pingInterval = TimeSpan.FromSeconds(15);
    private readonly TimeProvider _time;
    private readonly TimeSpan _idleTimeout;
    private readonly CancellationTokenSource _source;
    private readonly ITimer _timer;
    private long _lastMove;

    /// <param name="ping">Sends something to the client; null where its protocol does that by itself.</param>
    /// <param name="ends">Any of them ends the session.</param>
    public SessionOwner(TimeProvider time, TimeSpan idleTimeout, Func<Task>? ping, params CancellationToken[] ends)
    {
        _time = time;
        _idleTimeout = idleTimeout;
        _source = CancellationTokenSource.CreateLinkedTokenSource(ends);
        _lastMove = time.GetTimestamp();
        Token = _source.Token;
        _timer = time.CreateTimer(_ => Look(ping), null, _pingInterval, _pingInterval);
    }

    public CancellationToken Token { get; }

    /// <summary>Something was sent or received.</summary>
    public void Touch() => Volatile.Write(ref _lastMove, _time.GetTimestamp());

    public void Dispose()
    {
        _timer.Dispose();
        _source.Cancel();
        _source.Dispose();
    }

    private void Look(Func<Task>? ping)
    {
        try
        {
            if (_time.GetElapsedTime(Volatile.Read(ref _lastMove)) >= _idleTimeout)
            {
                _source.Cancel();
            }
            else
            {
                _ = ping?.Invoke();
            }
        }
        catch (ObjectDisposedException)
        {
            // The session has just ended.
        }
    }
}
