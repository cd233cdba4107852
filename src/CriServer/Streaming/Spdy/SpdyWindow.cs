namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>How much may be sent: the credit that the peer gives by WINDOW_UPDATE (section 2.6.8). For any number of threads.</summary>
internal sealed class SpdyWindow(int initial)
{
    public const int Default = 64 << 10;

    private readonly Lock _gate = new();
    private long _credit = initial;
    private TaskCompletionSource? _more;
    private bool _enforced;
    private bool _ended;

    /// <summary>Waits for credit and takes it.</summary>
    /// <returns>1 to <paramref name="wanted"/>.</returns>
    /// <exception cref="IOException">The stream or the connection has ended.</exception>
    public async ValueTask<int> TakeAsync(int wanted, CancellationToken cancellation)
    {
        while (true)
        {
            Task more;
            lock (_gate)
            {
                if (_ended)
                {
                    throw new IOException("The client has closed the stream.");
                }

                if (!_enforced || _credit > 0)
                {
                    var taken = _enforced ? (int)Math.Min(wanted, _credit) : wanted;
                    _credit -= taken;
                    return taken;
                }

                _more ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                more = _more.Task;
            }

            await more.WaitAsync(cancellation);
        }
    }

    /// <summary>Gives credit; what was taken and not used, too.</summary>
    /// <returns>False when there is more than a window can hold.</returns>
    public bool Add(long credit)
    {
        lock (_gate)
        {
            _credit += credit;
            Wake();
            return _credit <= int.MaxValue;
        }
    }

    /// <summary>
    /// From now on credit is waited for. Peers exist that never give any, the Go implementation of the kubelet and crictl
    /// among them: those are held back by TCP alone.
    /// </summary>
    public void Enforce()
    {
        lock (_gate)
        {
            _enforced = true;
        }
    }

    /// <summary>Whoever waits, or comes, is told that the stream has ended.</summary>
    public void End()
    {
        lock (_gate)
        {
            _ended = true;
            Wake();
        }
    }

    private void Wake()
    {
        _more?.TrySetResult();
        _more = null;
    }
}
