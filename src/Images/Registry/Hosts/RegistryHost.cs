namespace Crisp.Images.Registry.Hosts;

/// <summary>What a host may be asked for (containerd, docs/hosts.md, "capabilities"; push is nothing a node does).</summary>
[Flags]
internal enum HostCapabilities
{
    None = 0,

    /// <summary>Content by its digest.</summary>
    Pull = 1,

    /// <summary>From a tag to a digest: who may do that decides what runs.</summary>
    Resolve = 2,
}

/// <summary>Where an image's registry, or a mirror of it, is reached.</summary>
internal sealed record RegistryHost
{
    /// <summary>The root of the API without a slash at its end: https://registry-1.docker.io/v2.</summary>
    public required Uri Url { get; init; }

    public HostCapabilities Capabilities { get; init; } = HostCapabilities.Pull | HostCapabilities.Resolve;

    /// <summary>The registry itself rather than a mirror: credentials are for it alone.</summary>
    public bool IsServer { get; init; }

    /// <summary>PEM files of authorities beyond the system's.</summary>
    public IReadOnlyList<string> Authorities { get; init; } = [];

    public IReadOnlyList<ClientPair> ClientPairs { get; init; } = [];

    public bool SkipVerify { get; init; }

    /// <summary>Whether plain HTTP is spoken once it shows that the host has no TLS. For loopback addresses alone.</summary>
    public bool MayBePlain { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public TimeSpan? DialTimeout { get; init; }
}

/// <summary>A TLS client certificate.</summary>
/// <param name="Certificate">A PEM file.</param>
/// <param name="Key">Its PEM file, or null when the certificate's file has it too.</param>
internal sealed record ClientPair(string Certificate, string? Key);
