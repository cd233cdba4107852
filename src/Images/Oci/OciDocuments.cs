using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Crisp.Images.Oci;

/// <summary>Reads documents of the image specification, each with a cap and checked against what it claims to be.</summary>
internal static class OciDocuments
{
    /// <summary>Registries refuse larger manifests (distribution-spec: 4 MiB), so that nobody needs more.</summary>
    internal const int MaxManifest = 4 << 20;

    /// <summary>A config holds labels and history; containerd and Docker Hub take up to 8 MiB.</summary>
    internal const int MaxConfig = 8 << 20;

    // overlayfs takes 500 lower layers (OVL_MAX_STACK); Docker stops at 127.
    private const int MaxLayers = 500;
    private const int MaxIndexEntries = 1000;

    /// <summary>A manifest or an index, whichever it is.</summary>
    /// <param name="mediaType">What the descriptor or the Content-Type header says, or null when nothing does.</param>
    internal static OciDocument Read(ReadOnlySpan<byte> content, string? mediaType, string subject)
    {
        var document = Deserialize(content, OciJson.Default.OciDocument, subject);
        if (document.FsLayers is not null || document.SchemaVersion == 1)
        {
            throw ImageException.Unsupported($"{subject} is a Docker schema 1 manifest, which has no content digests. Push the image anew.");
        }

        if (document.SchemaVersion != 2)
        {
            throw ImageException.Bad($"{subject} has the schema version {document.SchemaVersion}; 2 is the one that exists.");
        }

        // CVE-2021-41190: a document that is both is read as one by a scanner and as the other by a runtime.
        if (document.Manifests is not null && (document.Layers is not null || document.Config is not null))
        {
            throw ImageException.Bad($"{subject} has both \"manifests\" and \"layers\" or \"config\": it would be index and manifest at once.");
        }

        if (document.Manifests is null && (document.Layers is null || document.Config is null))
        {
            throw ImageException.Bad($"{subject} is neither an index (\"manifests\") nor a manifest (\"config\" and \"layers\").");
        }

        // JSON's null gets into any list.
        if (document.Layers?.Contains(null!) == true || document.Manifests?.Contains(null!) == true)
        {
            throw ImageException.Bad($"{subject} has null where a descriptor should be.");
        }

        CheckKind(document, mediaType, subject);
        CheckKind(document, document.MediaType, subject);
        if (document.Layers?.Count > MaxLayers || document.Manifests?.Count > MaxIndexEntries)
        {
            throw ImageException.Bad($"{subject} has more than {MaxLayers} layers or {MaxIndexEntries} manifests.");
        }

        return document;
    }

    internal static OciImage ReadImage(ReadOnlySpan<byte> content, string subject)
    {
        var image = Deserialize(content, OciJson.Default.OciImage, subject);
        if (image.Rootfs?.DiffIds is not { Count: > 0 } diffIds || image.Rootfs.Type is not (null or "layers"))
        {
            throw ImageException.Unsupported($"{subject} has no layers in \"rootfs\": it is no container image.");
        }

        return diffIds.Count <= MaxLayers ? image : throw ImageException.Bad($"{subject} has more than {MaxLayers} layers.");
    }

    internal static T Deserialize<T>(ReadOnlySpan<byte> content, JsonTypeInfo<T> type, string subject)
    {
        try
        {
            return JsonSerializer.Deserialize(content, type) ?? throw ImageException.Bad($"{subject} is the JSON value null.");
        }
        catch (JsonException error)
        {
            throw ImageException.Bad($"{subject} is not the JSON it should be: {error.Message}", error);
        }
    }

    /// <summary>Refuses a document that somebody calls the other kind.</summary>
    internal static void CheckKind(OciDocument document, string? mediaType, string subject)
    {
        var wrong = document.Manifests is null ? MediaTypes.IsIndex(mediaType) : MediaTypes.IsManifest(mediaType);
        if (wrong)
        {
            throw ImageException.Bad($"{subject} is called {mediaType}, but its content is the other kind.");
        }
    }
}
