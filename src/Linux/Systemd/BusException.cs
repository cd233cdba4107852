namespace Crisp.Linux;

/// <summary>A call over D-Bus that failed: on the way, or because the other side refused it.</summary>
public sealed class BusException : Exception
{
    /// <summary>The connection or the message could not be made, sent or read.</summary>
    internal BusException(string action, Errno errno)
        : base($"{action}: {errno.Describe()}")
    {
    }

    /// <summary>The other side's answer was an error.</summary>
    /// <param name="error">Its name, for example <c>org.freedesktop.systemd1.UnitExists</c>.</param>
    internal BusException(string call, string error, string reason)
        : base($"{call} was refused: {reason} ({error})")
    {
        Error = error;
    }

    /// <summary>Null when the other side did not answer.</summary>
    public string? Error { get; }
}
