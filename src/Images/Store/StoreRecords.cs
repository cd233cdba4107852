using System.Text.Json.Serialization;

namespace Crisp.Images.Store;

/// <summary>images/HEX.json: an image of the store. HEX is the config's digest.</summary>
internal sealed record StoredImage
{
    internal const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>sha256:HEX.</summary>
    public required string Id { get; init; }

    /// <summary>Grows with every write of any image: of two images with one name, the higher revision has it.</summary>
    public required long Revision { get; init; }

    public IReadOnlyList<string> RepoTags { get; init; } = [];

    public IReadOnlyList<string> RepoDigests { get; init; } = [];

    public string? ManifestDigest { get; init; }

    /// <summary>Directories in layers/, lowest first.</summary>
    public required IReadOnlyList<string> Layers { get; init; }

    public required DateTimeOffset ImportedAt { get; init; }
}

/// <summary>layers/NAME/layer.json: what is known of a layer. Written before the layer is visible, never changed.</summary>
internal sealed record StoredLayer
{
    internal const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>diff-HEX of the diffID, or chain-HEX of the chainID for a layer that was completed by those beneath.</summary>
    public required string Name { get; init; }

    public required string DiffId { get; init; }

    /// <summary>Allocated blocks of the content.</summary>
    public required long Bytes { get; init; }

    public required long Inodes { get; init; }

    /// <summary>Of the layer's "/", or null when the layer says nothing of it.</summary>
    public RootDirectory? Root { get; init; }

    /// <summary>Nothing of the layers beneath shows.</summary>
    public bool HidesAll { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(StoredImage))]
[JsonSerializable(typeof(StoredLayer))]
internal sealed partial class StoreJson : JsonSerializerContext;
