namespace Crisp.CriServer.Streaming;

/// <summary>What a URL was given out for. The URL itself says nothing of it.</summary>
internal abstract record StreamRequest
{
    /// <summary>The first part of the URL's path.</summary>
    public abstract string Kind { get; }

    /// <summary>The container or pod, whose sessions are counted.</summary>
    public abstract string Target { get; }
}

/// <summary>Exec or Attach. With a terminal there is no stderr.</summary>
internal abstract record RemoteCommandRequest(string ContainerId, bool Terminal, bool Stdin, bool Stdout, bool Stderr) : StreamRequest
{
    public override string Target => ContainerId;
}

internal sealed record ExecStreamRequest(
    string ContainerId, IReadOnlyList<string> Command, bool Terminal, bool Stdin, bool Stdout, bool Stderr)
    : RemoteCommandRequest(ContainerId, Terminal, Stdin, Stdout, Stderr)
{
    public override string Kind => "exec";
}

internal sealed record AttachStreamRequest(string ContainerId, bool Terminal, bool Stdin, bool Stdout, bool Stderr)
    : RemoteCommandRequest(ContainerId, Terminal, Stdin, Stdout, Stderr)
{
    public override string Kind => "attach";
}

/// <param name="Ports">For WebSocket clients without SPDY, which cannot name a port themselves.</param>
internal sealed record PortForwardStreamRequest(string SandboxId, IReadOnlyList<int> Ports) : StreamRequest
{
    public override string Kind => "portforward";

    public override string Target => SandboxId;
}
