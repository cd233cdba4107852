namespace Crisp.Images.Store;

/// <summary>Tells how far a layer is, now and then, and stops it when nobody wants it any more.</summary>
internal sealed class ProgressMeter(LayerSource source, IProgress<ImportProgress>? progress, CancellationToken cancellation)
{
    private const long Step = 1 << 20;
    private long _told = -1;

    internal void Read(long done)
    {
        cancellation.ThrowIfCancellationRequested();
        var step = done == source.Size ? long.MaxValue : done / Step;
        if (step != _told)
        {
            _told = step;
            progress?.Report(new ImportProgress(source.Subject, done, source.Size));
        }
    }
}
