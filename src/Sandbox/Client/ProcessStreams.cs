namespace Crisp.Sandbox.Client;

/// <summary>Streams of a process in a container; null are those that were not asked for. Disposing closes them.</summary>
public sealed class ProcessStreams : IDisposable
{
    /// <summary>Disposing it is the end of file.</summary>
    public Stream? Stdin { get; internal set; }

    public Stream? Stdout { get; internal set; }

    public Stream? Stderr { get; internal set; }

    public void Dispose()
    {
        Stdin?.Dispose();
        Stdout?.Dispose();
        Stderr?.Dispose();
    }
}
