namespace Crisp.Sandbox.Server;

/// <summary>Times as CRI has them.</summary>
internal static class Clock
{
    /// <summary>Nanoseconds since the epoch, to a tenth of a microsecond.</summary>
    public static long Now() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
}
