using Crisp.Images.Store;

namespace Crisp.Images;

public sealed partial class ImageStore
{
    /// <summary>A path on the filesystem of images, layers and containers, the one by which usage is reported.</summary>
    public string Mountpoint => _files.Path;

    /// <summary>What the store takes now, imports that are under way included.</summary>
    public StoreUsage MeasureUsage()
    {
        List<StoredLayer> layers;
        lock (_gate)
        {
            layers = [.. _layers.Values.Select(l => l.Record)];
        }

        var (bytes, inodes) = _files.MeasureRest(layers.Select(l => l.Name));
        return new StoreUsage(Mountpoint, bytes + layers.Sum(l => l.Bytes), inodes + layers.Sum(l => l.Inodes), DateTimeOffset.UtcNow);
    }
}
