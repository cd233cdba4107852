namespace Crisp.Images.Pull;

/// <summary>How far one pull's layers are, for everybody who waits for it. Those who come later are told everything anew.</summary>
internal sealed class PullBoard : IProgress<ImportProgress>
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, PullProgress> _layers = new(StringComparer.Ordinal);
    private readonly List<IProgress<PullProgress>> _watchers = [];

    /// <summary>The store's word: bytes read for unpacking.</summary>
    public void Report(ImportProgress value)
        => Update(value.Subject, value.Total, p => p with { Unpacked = Math.Max(p.Unpacked, value.Done), Downloaded = Math.Max(p.Downloaded, value.Done) });

    internal void Downloaded(string layer, long done, long total)
        => Update(layer, total, p => p with { Downloaded = Math.Max(p.Downloaded, done) });

    internal void Add(IProgress<PullProgress> watcher)
    {
        lock (_gate)
        {
            _watchers.Add(watcher);
            foreach (var layer in _layers.Values)
            {
                watcher.Report(layer);
            }
        }
    }

    internal void Remove(IProgress<PullProgress> watcher)
    {
        lock (_gate)
        {
            _watchers.Remove(watcher);
        }
    }

    private void Update(string layer, long total, Func<PullProgress, PullProgress> change)
    {
        lock (_gate)
        {
            var old = _layers.GetValueOrDefault(layer);
            var now = change(old ?? new PullProgress(layer, 0, 0, total));
            if (now != old)
            {
                _layers[layer] = now;
                _watchers.ForEach(w => w.Report(now));
            }
        }
    }
}
