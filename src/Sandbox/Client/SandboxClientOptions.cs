namespace Crisp.Sandbox.Client;

/// <summary>How long a <see cref="SandboxClient"/> waits.</summary>
public sealed record SandboxClientOptions
{
    /// <summary>For connecting, Hello and calls that only read or set something.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For calls that start, stop or remove processes and cgroups: Start, Create, StartContainer, Exec, Delete, Shutdown.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>When set, the peer must be this process (SO_PEERCRED).</summary>
    public int? ExpectedPid { get; init; }
}
