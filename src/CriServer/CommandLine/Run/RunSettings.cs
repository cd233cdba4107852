namespace Crisp.CriServer.CommandLine.Run;

/// <summary>What <c>crisp run</c> was asked for, as it was typed.</summary>
internal sealed record RunSettings
{
    public required string Image { get; init; }

    public PullPolicy Pull { get; init; }

    /// <summary>Replaces the image's CMD where not empty, as docker run has it.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Replaces the image's ENTRYPOINT where not null.</summary>
    public string? Entrypoint { get; init; }

    /// <summary>The container's name; null for the image's.</summary>
    public string? Name { get; init; }

    /// <summary>The pod to run it in: an existing one of this name, or a new one. Null for a pod of its own.</summary>
    public string? Pod { get; init; }

    public string? Hostname { get; init; }

    /// <summary>Null for the pod network where the node has one, else the node's.</summary>
    public RunNetwork? Network { get; init; }

    public string RuntimeHandler { get; init; } = "";

    /// <summary>NAME=VALUE, or NAME for the value that the caller's environment has.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>HOST:CONTAINER[:OPTION,...].</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    /// <summary>[IP:]HOSTPORT:PORT[/PROTOCOL].</summary>
    public IReadOnlyList<string> Ports { get; init; } = [];

    /// <summary>NAME=VALUE.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    public string? WorkingDirectory { get; init; }

    /// <summary>UID, UID:GID or NAME.</summary>
    public string? User { get; init; }

    /// <summary>Bytes with an optional suffix k, m or g.</summary>
    public string? Memory { get; init; }

    /// <summary>Processors, for example 1.5.</summary>
    public double? Cpus { get; init; }

    public bool Privileged { get; init; }

    public bool ReadOnly { get; init; }

    public IReadOnlyList<string> AddedCapabilities { get; init; } = [];

    public IReadOnlyList<string> DroppedCapabilities { get; init; } = [];
}

/// <summary>Whose network the pod is on.</summary>
internal enum RunNetwork
{
    Pod,
    Node,
}
