namespace Crisp.CriServer.Stats;

/// <summary>
/// How fast one cgroup uses processor time now. The window is what lies between two questions, at least half a second: those
/// who ask in between get the last answer, so that several pollers do not cut each other's windows to nothing. No timer and
/// no thread: what nobody asks for costs nothing.
/// </summary>
public sealed class CpuWindow
{
    private static readonly TimeSpan _shortest = TimeSpan.FromMilliseconds(500);
    private readonly Lock _gate = new();
    private TimeSpan? _since;
    private ulong _usage;
    private ulong? _rate;

    /// <param name="now">Of a clock that only goes forward.</param>
    /// <param name="usage">Nanoseconds of processor time since the cgroup was made.</param>
    /// <returns>Nanoseconds of processor time a second; null until there is a window.</returns>
    public ulong? Add(TimeSpan now, ulong usage)
    {
        lock (_gate)
        {
            if (_since is not { } since || usage < _usage)
            {
                (_since, _usage, _rate) = (now, usage, null);
            }
            else if (now - since >= _shortest)
            {
                _rate = (ulong)((usage - _usage) / (now - since).TotalSeconds);
                (_since, _usage) = (now, usage);
            }

            return _rate;
        }
    }
}
