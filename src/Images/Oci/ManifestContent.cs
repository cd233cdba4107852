namespace Crisp.Images.Oci;

/// <summary>From a manifest and its config to what the store takes. The same for archives and registries.</summary>
internal static class ManifestContent
{
    /// <param name="manifest">The manifest's bytes, whose digest has been checked.</param>
    /// <param name="config">The config's bytes.</param>
    /// <param name="open">Opens a layer's bytes by its descriptor.</param>
    internal static ImageContent From(
        ReadOnlyMemory<byte> manifest, ReadOnlyMemory<byte> config, Func<OciDescriptor, CancellationToken, Task<Stream>> open)
    {
        var subject = $"The manifest {Digest.Of(manifest.Span)}";
        var document = OciDocuments.Read(manifest.Span, null, subject);
        if (document.Config is null || document.Layers is not { } layers)
        {
            throw ImageException.Bad($"{subject} is an index, but it should be a manifest.");
        }

        if (document.Config.MediaType is { } type && !MediaTypes.IsConfig(type))
        {
            throw ImageException.Unsupported($"{subject} has a config of the type {type}: it is an artifact, not a container image.");
        }

        CheckConfig(document.Config, config, subject);
        var diffIds = OciDocuments.ReadImage(config.Span, $"The config {document.Config.Digest}").Rootfs!.DiffIds!;
        return diffIds.Count == layers.Count
            ? new ImageContent
            {
                Manifest = manifest,
                Config = config,
                Layers = [.. layers.Zip(diffIds, (layer, diffId) => Layer(layer, diffId, open, subject))],
            }
            : throw ImageException.Bad($"{subject} has {layers.Count} layers where its config names {diffIds.Count}.");
    }

    private static void CheckConfig(OciDescriptor descriptor, ReadOnlyMemory<byte> config, string subject)
    {
        if (Digest.Of(config.Span) != Digest.Parse(descriptor.Digest) || config.Length != descriptor.Size)
        {
            throw ImageException.Bad($"The config that belongs to {subject} is not {descriptor.Digest} with {descriptor.Size} bytes.");
        }
    }

    private static LayerSource Layer(
        OciDescriptor layer, string diffId, Func<OciDescriptor, CancellationToken, Task<Stream>> open, string subject)
    {
        if (layer.MediaType is { } type && !MediaTypes.IsLayer(type))
        {
            throw ImageException.Unsupported($"{subject} has a layer of the type {type}, which is not known.");
        }

        return new LayerSource
        {
            DiffId = Digest.Parse(diffId),
            Digest = Digest.Parse(layer.Digest),
            Size = layer.Size >= 0 ? layer.Size : throw ImageException.Bad($"{subject} has a layer of {layer.Size} bytes."),
            OpenAsync = cancellation => open(layer, cancellation),
        };
    }
}
