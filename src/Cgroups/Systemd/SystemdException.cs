namespace Crisp.Cgroups.Systemd;

/// <summary>What systemd was asked for and did not do, or could not be asked.</summary>
public sealed class SystemdException : IOException
{
    internal SystemdException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
