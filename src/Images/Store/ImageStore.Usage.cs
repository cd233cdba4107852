using Crisp.Images.Layers;

namespace Crisp.Images;

public sealed partial class ImageStore
{
    /// <summary>A path on the filesystem of images, layers and containers, the one by which usage is reported.</summary>
    public string Mountpoint => _files.Path;

    /// <summary>What the store takes now, imports that are under way included.</summary>
    public StoreUsage MeasureUsage()
    {
        TreeUsage layers;
        lock (_gate)
        {
            layers = _layers.Values.Aggregate(default(TreeUsage), (sum, l) => sum + new TreeUsage(l.Record.Bytes, l.Record.Inodes));
        }

        var usage = layers + _files.MeasureRest();
        return new StoreUsage(Mountpoint, usage.Bytes, usage.Inodes, DateTimeOffset.UtcNow);
    }
}
