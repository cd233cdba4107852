namespace Crisp.Network;

/// <summary>Something about a network failed: a configuration, a plugin, the cache. The message is a sentence for the administrator.</summary>
public sealed class CniException : Exception
{
    public CniException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    public CniException(string message, CniError error)
        : base(message)
    {
        Error = error;
    }

    /// <summary>The plugin's program was never executed, so it has left nothing behind.</summary>
    public bool NeverRan { get; init; }

    /// <summary>What the plugin itself said; null when it said nothing that could be read.</summary>
    public CniError? Error { get; init; }
}
