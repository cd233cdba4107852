using Crisp.Linux;

namespace Crisp.CriServer.Stats;

/// <summary>What is known of one container's writable layer.</summary>
public sealed class LayerUsage
{
    private int _queued;
    private int _told;
    private volatile LayerMeasurement? _last;

    /// <summary>Null before the first measurement.</summary>
    public LayerMeasurement? Last
    {
        get => _last;
        internal set => _last = value;
    }

    /// <returns>False when it waits for its measurement already.</returns>
    internal bool TryQueue() => Interlocked.Exchange(ref _queued, 1) == 0;

    /// <returns>False when it was told already that the layer cannot be measured.</returns>
    internal bool TryTell() => Interlocked.Exchange(ref _told, 1) == 0;

    internal void Unqueue() => Volatile.Write(ref _queued, 0);
}

/// <param name="Timestamp">When the measurement began: nanoseconds since the epoch.</param>
/// <param name="Duration">How long it took.</param>
public sealed record LayerMeasurement(long Timestamp, TimeSpan Duration, DiskUsage Usage);
