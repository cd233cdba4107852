using Crisp.Images.Store;
using Crisp.Linux;

namespace Crisp.Images;

public sealed partial class ImageStore
{
    private static readonly TimeSpan _awaitedTime = TimeSpan.FromDays(1);

    /// <summary>
    /// Removes an image with all its names (CRI: one tag is enough). Layers that nothing else uses go with it; those that
    /// containers use go at the next <see cref="Collect()"/> after them. Idempotent.
    /// </summary>
    /// <returns>Whether there was such an image.</returns>
    public bool Remove(string reference)
    {
        IReadOnlyList<string> removed;
        lock (_gate)
        {
            if (_snapshot.Find(reference) is not { } entry)
            {
                return false;
            }

            Files.UnlinkIfThere(_files.Images, Digest.Parse(entry.Stored.Id).Hex + StoreFiles.RecordSuffix);
            _options.Reach(StoreStep.ImageRemoved);
            Files.Fsync(_files.Images);
            removed = entry.Stored.Layers;
            _snapshot = Snapshot.Of(_snapshot.ById.Remove(entry.Stored.Id).Values);
            CollectBlobs();
        }

        Collect(evenAwaited: true);
        lock (_gate)
        {
            StopAwaiting(removed);
        }

        return true;
    }

    /// <summary>
    /// Removes every layer that no image, container or running import uses; but what an interrupted import has brought stays for
    /// a day, so that the next one need not begin at the beginning.
    /// </summary>
    public void Collect() => Collect(evenAwaited: false);

    /// <param name="evenAwaited">When space is wanted: the kubelet removes images, or the disk is full.</param>
    internal void Collect(bool evenAwaited)
    {
        var condemned = new List<string>();
        lock (_gate)
        {
            var used = _snapshot.ById.Values.SelectMany(e => e.Stored.Layers).ToHashSet(StringComparer.Ordinal);
            var oldest = DateTimeOffset.UtcNow - _awaitedTime;
            var unused = _layers.Where(l => l.Value.Leases == 0 && !used.Contains(l.Key) && (evenAwaited || !(l.Value.AwaitedSince > oldest)))
                .Select(l => l.Key).ToList();
            if (unused.Count == 0)
            {
                return;
            }

            var inUse = LayersInUse().ToHashSet(StringComparer.Ordinal);
            foreach (var name in unused.Where(name => !inUse.Contains(_files.LayerPath(name))))
            {
                // Out of sight at once, so that nobody can count on half of it.
                var trash = _files.NewName();
                Files.RenameAt2(_files.Layers, name, _files.Work, trash);
                _layers.Remove(name);
                condemned.Add(_files.WorkPath(trash));
                _options.Reach(StoreStep.LayerCondemned);
            }
        }

        condemned.ForEach(TreeRemoval.Remove);
    }

    /// <summary>Layers that a container keeps are to go with it, also when another process sees that: it knows their age alone.</summary>
    private void StopAwaiting(IReadOnlyList<string> layers)
    {
        foreach (var layer in layers.Where(_layers.ContainsKey))
        {
            Files.Utimens(_files.Layers, $"{layer}/{StoreFiles.LayerRecordName}", Timestamp.Omit, new Timestamp(0, 0));
        }
    }

    private void CollectBlobs()
    {
        var used = _snapshot.ById.Values
            .SelectMany(e => (string[])[e.Stored.Id, e.Stored.ManifestDigest ?? e.Stored.Id])
            .Select(digest => Digest.Parse(digest).Hex)
            .ToHashSet(StringComparer.Ordinal);
        foreach (var name in Files.ReadDirectory(_files.Blobs).Where(name => !used.Contains(name)))
        {
            Files.UnlinkAt(_files.Blobs, name);
        }
    }
}
