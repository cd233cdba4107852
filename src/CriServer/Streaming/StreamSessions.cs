namespace Crisp.CriServer.Streaming;

/// <summary>How many sessions are open, of each container or pod and in all. For any number of threads.</summary>
internal sealed class StreamSessions
{
    public const int MaxOfOne = 128;

    public const int Max = 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _byTarget = [];
    private int _count;

    /// <returns>To be disposed at the session's end; null when there are too many.</returns>
    public IDisposable? TryEnter(string target)
    {
        lock (_gate)
        {
            var ofOne = _byTarget.GetValueOrDefault(target);
            if (ofOne >= MaxOfOne || _count >= Max)
            {
                return null;
            }

            _byTarget[target] = ofOne + 1;
            _count++;
            return new Session(this, target);
        }
    }

    private void Leave(string target)
    {
        lock (_gate)
        {
            _count--;
            if (--_byTarget[target] == 0)
            {
                _byTarget.Remove(target);
            }
        }
    }

    private sealed class Session(StreamSessions sessions, string target) : IDisposable
    {
        private bool _left;

        public void Dispose()
        {
            if (!Interlocked.Exchange(ref _left, true))
            {
                sessions.Leave(target);
            }
        }
    }
}
