namespace Crisp.Sandbox.Server;

/// <summary>Until when an operation may take, whatever it consists of. It goes down with the operation, and to a guest with the call.</summary>
internal readonly struct CallDeadline
{
    /// <summary>For calls whose caller names none.</summary>
    private static readonly TimeSpan _default = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan _most = TimeSpan.FromMinutes(10);

    // The answer needs a moment to reach the caller: the reason should be there before the caller's own patience ends.
    private const int TenthsForWork = 9;
    private readonly long _at;

    private CallDeadline(long at) => _at = at;

    /// <summary>Not negative.</summary>
    public TimeSpan Remaining => TimeSpan.FromMilliseconds(Math.Max(0, _at - Environment.TickCount64));

    public bool HasPassed => Environment.TickCount64 >= _at;

    /// <summary>For what nobody calls for.</summary>
    public static CallDeadline Usual => Of(0);

    public static CallDeadline After(TimeSpan patience) => new(Environment.TickCount64 + (long)patience.TotalMilliseconds);

    /// <summary>For a call that has just come.</summary>
    /// <param name="timeoutNano">The caller's patience; 0 or less is none of its own.</param>
    public static CallDeadline Of(long timeoutNano)
    {
        var patience = timeoutNano <= 0 ? _default : TimeSpan.FromTicks(timeoutNano / TimeSpan.NanosecondsPerTick);
        return After((patience < _most ? patience : _most) * TenthsForWork / 10);
    }

    /// <summary>How long a step may take after which others must come: at most half of what is left.</summary>
    public TimeSpan Share(TimeSpan most)
    {
        var half = Remaining / 2;
        return half < most ? half : most;
    }
}
