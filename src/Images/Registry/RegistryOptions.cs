namespace Crisp.Images;

/// <summary>How registries are talked to.</summary>
public sealed record RegistryOptions
{
    /// <summary>
    /// Directories in containerd's layout, HOST/hosts.toml beneath each; the first that knows the host decides. Read anew at each
    /// pull.
    /// </summary>
    public IReadOnlyList<string> HostDirectories { get; init; } = ["/etc/crisp/certs.d", "/etc/containerd/certs.d", "/etc/docker/certs.d"];

    /// <summary>Layers of one image that come over the network at once.</summary>
    public int MaxParallelDownloads { get; init; } = 6;

    /// <summary>
    /// How long a connection may go without a single byte. Then it is given up, and the next one continues where it stopped: a
    /// slow registry is never punished, a dead one is noticed.
    /// </summary>
    public TimeSpan ProgressTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a manifest, a config or a token may take altogether.</summary>
    public TimeSpan DocumentTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a connection may take to come about, where hosts.toml says nothing.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often one thing is tried on the registry itself before it counts as failed. A mirror gets one try.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>The first pause between two tries; it doubles each time, with jitter.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest pause. A registry that asks for a longer one (Retry-After) gets no further try.</summary>
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(30);
}
