using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Crisp.Api.V1;
using Crisp.Cri.V1;
using Crisp.Images;

namespace Crisp.CriServer.Images;

/// <summary>An image's record in CRI's words.</summary>
internal static class ImageView
{
    public static Image Of(ImageRecord record, bool pinned)
    {
        var image = new Image { Id = record.Id, Size = (ulong)record.Size, Pinned = pinned, Spec = new ImageSpec { Image = record.Id } };
        image.RepoTags.AddRange(record.RepoTags);
        image.RepoDigests.AddRange(record.RepoDigests);
        image.Spec.Annotations.Add(record.Annotations.ToDictionary());
        var user = record.Config.User.Split(':')[0];
        if (IsNumber(user))
        {
            // A number that no uid can be stays a name, which the kubelet's runAsNonRoot refuses (CVE-2026-46680).
            image.Uid = uint.TryParse(user, NumberStyles.None, CultureInfo.InvariantCulture, out var uid) && uid <= int.MaxValue
                ? new Int64Value { Value = uid }
                : null;
        }

        image.Username = image.Uid is null ? user : "";
        return image;
    }

    /// <summary>For crisp's own command line.</summary>
    public static ImportedImage Imported(ImageRecord record)
    {
        var image = new ImportedImage { Id = record.Id, Size = record.Size };
        image.RepoTags.AddRange(record.RepoTags);
        image.RepoDigests.AddRange(record.RepoDigests);
        return image;
    }

    /// <summary>For people and for crictl inspecti: JSON, with the image's config as it came.</summary>
    public static string Info(ImageRecord record, byte[] config)
    {
        using var document = JsonDocument.Parse(config);
        var info = new ImageInfo
        {
            ManifestDigest = record.ManifestDigest,
            ImportedAt = record.ImportedAt,
            LayerDirectories = record.Layers,
            ImageSpec = document.RootElement,
        };
        return JsonSerializer.Serialize(info, ImageInfoJson.Default.ImageInfo);
    }

    private static bool IsNumber(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);
}

/// <summary>ImageStatusResponse.info when verbose; imageSpec as other runtimes have it, since scripts read it.</summary>
internal sealed record ImageInfo
{
    public string? ManifestDigest { get; init; }

    public DateTimeOffset ImportedAt { get; init; }

    /// <summary>Top first.</summary>
    public required IReadOnlyList<string> LayerDirectories { get; init; }

    public JsonElement ImageSpec { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ImageInfo))]
internal sealed partial class ImageInfoJson : JsonSerializerContext;
