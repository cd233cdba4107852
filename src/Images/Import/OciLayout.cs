using Crisp.Images.Oci;

namespace Crisp.Images.Import;

/// <summary>OCI image layout (image-layout.md): index.json names manifests, blobs/sha256 has everything.</summary>
internal static class OciLayout
{
    private const string LayoutFile = "oci-layout";
    private const string IndexFile = "index.json";

    // An index of indexes of indexes has no honest use.
    private const int MaxDepth = 4;
    private const int MaxLayoutFile = 1 << 16;
    private const string RefName = "org.opencontainers.image.ref.name";
    private const string ContainerdName = "io.containerd.image.name";

    internal static bool IsIn(IImageFiles files) => files.Length(LayoutFile) is not null && files.Length(IndexFile) is not null;

    /// <summary>One image for each name in the index, for this node's platform.</summary>
    internal static List<ImportedContent> Read(IImageFiles files)
    {
        var layout = OciDocuments.Deserialize(files.Read(LayoutFile, MaxLayoutFile), OciJson.Default.OciLayoutFile, LayoutFile);
        if (layout.ImageLayoutVersion?.StartsWith("1.", StringComparison.Ordinal) != true)
        {
            throw ImageException.Unsupported($"The image layout has the version \"{layout.ImageLayoutVersion}\"; this build knows 1.0.0.");
        }

        var index = OciDocuments.Read(files.Read(IndexFile, OciDocuments.MaxManifest), MediaTypes.OciIndex, IndexFile);

        // Several entries of one name are one image for several platforms.
        return [.. index.Manifests!.GroupBy(NameOf).Select(group => Read(files, group.Key, [.. group]))];
    }

    private static ImportedContent Read(IImageFiles files, ImageReference? name, IReadOnlyList<OciDescriptor> candidates)
    {
        var top = Choose(candidates, name?.ToString() ?? IndexFile);
        var descriptor = top;
        var content = ReadBlob(files, descriptor, OciDocuments.MaxManifest);
        for (var depth = 0; ; depth++)
        {
            var subject = $"The document {descriptor.Digest}";
            var document = OciDocuments.Read(content, descriptor.MediaType, subject);
            if (document.Manifests is null)
            {
                var config = ReadBlob(files, document.Config!, OciDocuments.MaxConfig);
                return new ImportedContent(
                    ManifestContent.From(content, config, (layer, _) => Task.FromResult(Open(files, layer))),
                    name is null ? [] : [name],
                    Digest.Parse(top.Digest));
            }

            descriptor = depth < MaxDepth
                ? Choose(document.Manifests, subject)
                : throw ImageException.Bad($"{subject} is an index of an index, more than {MaxDepth} deep.");
            content = ReadBlob(files, descriptor, OciDocuments.MaxManifest);
        }
    }

    private static OciDescriptor Choose(IReadOnlyList<OciDescriptor> manifests, string subject)
        => Platforms.Choose(manifests)
            ?? throw ImageException.Unsupported($"{subject} has no image for linux/amd64, only for: {Platforms.Describe(manifests)}.");

    // ref.name may be a whole name or, as the specification's examples have it, only a tag: then the archive has no name.
    private static ImageReference? NameOf(OciDescriptor descriptor)
    {
        var annotations = descriptor.Annotations ?? [];
        var text = annotations.GetValueOrDefault(ContainerdName) ?? annotations.GetValueOrDefault(RefName);
        return text is not null && text.AsSpan().ContainsAny('/', ':') && ImageReference.TryParse(text, out var name) && name.Tag is not null
            ? name with { Digest = null }
            : null;
    }

    private static Stream Open(IImageFiles files, OciDescriptor descriptor)
    {
        var name = PathOf(descriptor);
        return files.Length(name) == descriptor.Size
            ? files.Open(name)
            : throw ImageException.Bad($"The image's blob {descriptor.Digest} is missing, or has not the {descriptor.Size} bytes that its descriptor says.");
    }

    private static byte[] ReadBlob(IImageFiles files, OciDescriptor descriptor, int limit)
    {
        var content = files.Read(PathOf(descriptor), limit);
        return Digest.Of(content) == Digest.Parse(descriptor.Digest)
            ? content
            : throw ImageException.Bad($"The image's blob {descriptor.Digest} has other content than its name says.");
    }

    private static string PathOf(OciDescriptor descriptor) => $"blobs/sha256/{Digest.Parse(descriptor.Digest).Hex}";
}
