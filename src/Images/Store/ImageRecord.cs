namespace Crisp.Images;

/// <summary>An image of the store: immutable, a new record replaces the old one when names move.</summary>
public sealed record ImageRecord
{
    /// <summary>The config's digest, sha256:HEX. CRI's Image.id, image_ref and image_id.</summary>
    public required string Id { get; init; }

    /// <summary>Canonical: docker.io/library/busybox:latest. Empty once every tag has moved to other images.</summary>
    public IReadOnlyList<string> RepoTags { get; init; } = [];

    /// <summary>Canonical: docker.io/library/busybox@sha256:HEX.</summary>
    public IReadOnlyList<string> RepoDigests { get; init; } = [];

    /// <summary>Bytes that the image takes on this node's disk, layers shared with other images included.</summary>
    public required long Size { get; init; }

    public required ImageConfig Config { get; init; }

    /// <summary>Absolute paths of the layers' directories, top first: overlayfs's lowerdir.</summary>
    public required IReadOnlyList<string> Layers { get; init; }

    /// <summary>Owner and mode of "/" in the image, which a container's upper directory must have (overlayfs shows the upper's).</summary>
    public RootDirectory Root { get; init; } = RootDirectory.Default;

    /// <summary>The manifest's digest, or null for a docker archive, which has none.</summary>
    public string? ManifestDigest { get; init; }

    public DateTimeOffset ImportedAt { get; init; }

    /// <summary>Of the manifest.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();
}

/// <summary>The image's "/": mode with set-id and sticky bits.</summary>
public sealed record RootDirectory(uint Mode, uint Uid, uint Gid)
{
    public static RootDirectory Default { get; } = new(0x1ED, 0, 0);
}

/// <summary>
/// What a container takes from its image (OCI image specification, config.md). All of it comes from strangers: users are
/// resolved in the root filesystem, volumes beneath it, and labels never reach crisp's own metadata (CVE-2026-53488).
/// </summary>
public sealed record ImageConfig
{
    /// <summary>"uid", "name", "uid:gid", "name:group", or empty for 0.</summary>
    public string User { get; init; } = "";

    /// <summary>NAME=value.</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    public IReadOnlyList<string> Cmd { get; init; } = [];

    /// <summary>Empty for "/".</summary>
    public string WorkingDir { get; init; } = "";

    /// <summary>Paths in the image.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>A signal's name or number, or null.</summary>
    public string? StopSignal { get; init; }

    /// <summary>GOARCH's word: amd64.</summary>
    public string Architecture { get; init; } = "";

    public string Os { get; init; } = "";

    /// <summary>RFC 3339 as the config has it, or null.</summary>
    public string? Created { get; init; }
}
