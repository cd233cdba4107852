namespace Crisp.Images;

/// <summary>An image that is to come into the store: its documents, and where its layers come from.</summary>
public sealed record ImageContent
{
    /// <summary>The config's bytes, which the image's id is the digest of.</summary>
    public required ReadOnlyMemory<byte> Config { get; init; }

    /// <summary>The manifest's bytes, or empty for a docker archive, which has none.</summary>
    public ReadOnlyMemory<byte> Manifest { get; init; }

    /// <summary>Lowest first, as many and in the same order as the config's diffIDs.</summary>
    public required IReadOnlyList<LayerSource> Layers { get; init; }

    /// <summary>Canonical names with a tag; they move here from whatever image has them.</summary>
    public IReadOnlyList<string> RepoTags { get; init; } = [];

    /// <summary>Canonical names with a digest.</summary>
    public IReadOnlyList<string> RepoDigests { get; init; } = [];
}
