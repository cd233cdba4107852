using System.Text.Json.Serialization;

namespace Crisp.Images.Oci;

/// <summary>OCI image specification, descriptor.md. Docker's schema 2 has the same members.</summary>
internal sealed record OciDescriptor
{
    public string? MediaType { get; init; }

    public string? Digest { get; init; }

    public long Size { get; init; }

    public Dictionary<string, string>? Annotations { get; init; }

    public OciPlatform? Platform { get; init; }
}

/// <summary>Which machines an image of an index is for.</summary>
internal sealed record OciPlatform
{
    public string? Architecture { get; init; }

    public string? Os { get; init; }

    public string? Variant { get; init; }
}

/// <summary>
/// Manifest and index in one form, so that a document which is both can be seen and refused (CVE-2021-41190).
/// </summary>
internal sealed record OciDocument
{
    public int SchemaVersion { get; init; }

    public string? MediaType { get; init; }

    /// <summary>Of a manifest.</summary>
    public OciDescriptor? Config { get; init; }

    /// <summary>Of a manifest.</summary>
    public List<OciDescriptor>? Layers { get; init; }

    /// <summary>Of an index.</summary>
    public List<OciDescriptor>? Manifests { get; init; }

    /// <summary>Of Docker's schema 1, which nobody should accept any more.</summary>
    public List<OciFsLayer>? FsLayers { get; init; }

    public Dictionary<string, string>? Annotations { get; init; }
}

internal sealed record OciFsLayer;

/// <summary>OCI image specification, config.md.</summary>
internal sealed record OciImage
{
    public string? Architecture { get; init; }

    public string? Os { get; init; }

    public string? Variant { get; init; }

    public string? Created { get; init; }

    public OciExecution? Config { get; init; }

    public OciRootfs? Rootfs { get; init; }
}

internal sealed record OciRootfs
{
    public string? Type { get; init; }

    [JsonPropertyName("diff_ids")]
    public List<string>? DiffIds { get; init; }
}

/// <summary>config.md, "config": the members begin with capitals.</summary>
internal sealed record OciExecution
{
    [JsonPropertyName("User")]
    public string? User { get; init; }

    [JsonPropertyName("Env")]
    public List<string>? Env { get; init; }

    [JsonPropertyName("Entrypoint")]
    public List<string>? Entrypoint { get; init; }

    [JsonPropertyName("Cmd")]
    public List<string>? Cmd { get; init; }

    [JsonPropertyName("WorkingDir")]
    public string? WorkingDir { get; init; }

    [JsonPropertyName("Volumes")]
    public Dictionary<string, OciEmpty>? Volumes { get; init; }

    [JsonPropertyName("Labels")]
    public Dictionary<string, string>? Labels { get; init; }

    [JsonPropertyName("StopSignal")]
    public string? StopSignal { get; init; }
}

internal sealed record OciEmpty;

/// <summary>One image of a docker archive's manifest.json.</summary>
internal sealed record DockerArchiveImage
{
    [JsonPropertyName("Config")]
    public string? Config { get; init; }

    [JsonPropertyName("RepoTags")]
    public List<string>? RepoTags { get; init; }

    [JsonPropertyName("Layers")]
    public List<string>? Layers { get; init; }
}

/// <summary>The file oci-layout (image-layout.md).</summary>
internal sealed record OciLayoutFile
{
    public string? ImageLayoutVersion { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 32)]
[JsonSerializable(typeof(OciDocument))]
[JsonSerializable(typeof(OciImage))]
[JsonSerializable(typeof(List<DockerArchiveImage>))]
[JsonSerializable(typeof(OciLayoutFile))]
internal sealed partial class OciJson : JsonSerializerContext;
