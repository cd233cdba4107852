namespace Crisp.NodeAgent.Reconciling;

/// <summary>Tells the agent to look at its node. Several calls before it does are one.</summary>
internal sealed class WakeUp : IDisposable
{
    private readonly SemaphoreSlim _waiting = new(0, 1);
    private readonly Lock _gate = new();

    public void Now()
    {
        lock (_gate)
        {
            if (_waiting.CurrentCount == 0)
            {
                _waiting.Release();
            }
        }
    }

    /// <summary>Returns after the next call, or when the time is over.</summary>
    public Task WaitAsync(TimeSpan longest, CancellationToken cancellation) => _waiting.WaitAsync(longest, cancellation);

    public void Dispose() => _waiting.Dispose();
}
