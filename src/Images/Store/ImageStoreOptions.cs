using Crisp.Images.Archives;

namespace Crisp.Images;

/// <summary>How an image store works.</summary>
public sealed record ImageStoreOptions
{
    /// <summary>
    /// Layers of one image that are unpacked at once. Not over all images: one whose registry is slow would hold up the others.
    /// </summary>
    public int Parallelism { get; init; } = Math.Clamp(Environment.ProcessorCount, 2, 8);

    /// <summary>Called between two durable steps, for tests that die there.</summary>
    public Action<StoreStep>? Reached { get; init; }

    internal TarLimits LayerLimits { get; init; } = TarLimits.Layer;

    internal void Reach(StoreStep step) => Reached?.Invoke(step);
}

/// <summary>The moments between two durable steps of the store.</summary>
public enum StoreStep
{
    LayerUnpacked,
    LayerSynced,
    LayerRenamed,
    BlobsWritten,
    ImageWritten,
    NamesMoved,
    ImageRemoved,
    LayerCondemned,
}
