namespace Crisp.Install.Host;

/// <summary>Something on the host is not as it must be. The message is a sentence for the node's events.</summary>
public sealed class HostException : Exception
{
    public HostException(string message)
        : base(message)
    {
    }

    public HostException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
