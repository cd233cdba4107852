using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Client;

/// <summary>Which of an exec's standard streams are carried; the others are /dev/null. With a terminal, output is one stream: stdout.</summary>
public sealed record ExecStreams(bool Stdin, bool Stdout, bool Stderr);

/// <summary>
/// A process started by <see cref="SandboxClient"/>.ExecAsync. Output streams end when the process, and whoever inherited
/// the pipe from it for a moment longer, has closed them. Disposing closes the streams and does not end the process.
/// </summary>
public sealed class ExecSession : IDisposable
{
    private readonly SandboxClient _client;

    internal ExecSession(SandboxClient client, string containerId, string execId, ProcessStreams streams)
    {
        _client = client;
        ContainerId = containerId;
        ExecId = execId;
        Streams = streams;
    }

    public string ContainerId { get; }

    public string ExecId { get; }

    /// <summary>The process as the node sees it.</summary>
    public int Pid { get; internal set; }

    public ProcessStreams Streams { get; }

    /// <summary>Disposing it is the end of file.</summary>
    public Stream? Stdin => Streams.Stdin;

    public Stream? Stdout => Streams.Stdout;

    public Stream? Stderr => Streams.Stderr;

    /// <summary>Waits, as long as it takes, for the process's end. Output may still be on its way: read it to its end.</summary>
    public Task<ExitInfo> WaitAsync(CancellationToken cancellationToken = default)
        => _client.WaitAsync(ContainerId, ExecId, cancellationToken);

    /// <summary>A signal; a process that has ended already is no error.</summary>
    public Task SignalAsync(int signal, CancellationToken cancellationToken = default)
        => _client.SignalAsync(ContainerId, signal, ExecId, cancellationToken);

    public Task ResizeAsync(ushort width, ushort height, CancellationToken cancellationToken = default)
        => _client.ResizeAsync(ContainerId, width, height, ExecId, cancellationToken);

    public void Dispose() => Streams.Dispose();
}
