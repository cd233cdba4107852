using Crisp.Images.Layers;
using Crisp.Images.Oci;

namespace Crisp.Images.Import;

/// <summary>
/// What docker save writes (moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format"): manifest.json
/// names configs, layers and tags. Layers have no digests of their own, only the config's diffIDs.
/// </summary>
internal static class DockerArchive
{
    private const string ManifestFile = "manifest.json";

    internal static bool IsIn(IImageFiles files) => files.Length(ManifestFile) is not null;

    internal static List<ImportedContent> Read(IImageFiles files)
    {
        var images = OciDocuments.Deserialize(
            files.Read(ManifestFile, OciDocuments.MaxManifest), OciJson.Default.ListDockerArchiveImage, ManifestFile);
        return images.ConvertAll(image => Read(files, image));
    }

    private static ImportedContent Read(IImageFiles files, DockerArchiveImage? image)
    {
        if (image is not { Config: { } configName, Layers: { } layers })
        {
            throw ImageException.Bad($"{ManifestFile} has an image without \"Config\" or \"Layers\".");
        }

        var config = files.Read(LayerPath.Parse(configName).Text, OciDocuments.MaxConfig);
        var diffIds = OciDocuments.ReadImage(config, configName).Rootfs!.DiffIds!;
        if (diffIds.Count != layers.Count)
        {
            throw ImageException.Bad($"{ManifestFile} has {layers.Count} layers where {configName} names {diffIds.Count}.");
        }

        var content = new ImageContent
        {
            Config = config,
            Layers = [.. layers.Zip(diffIds, (layer, diffId) => Layer(files, layer, diffId))],
        };
        return new ImportedContent(content, [.. (image.RepoTags ?? []).Select(ImageReference.Parse)], Target: null);
    }

    private static LayerSource Layer(IImageFiles files, string? layer, string diffId)
    {
        var name = LayerPath.Parse(layer ?? "").Text;
        return new LayerSource
        {
            DiffId = Digest.Parse(diffId),
            Size = files.Length(name) ?? throw ImageException.Bad($"The archive has no layer \"{name}\", which {ManifestFile} names."),
            OpenAsync = _ => Task.FromResult(files.Open(name)),
        };
    }
}
