using System.Text.Json;
using Crisp.Images.Oci;
using Crisp.Images.Store;

namespace Crisp.Images;

public sealed partial class ImageStore
{
    /// <summary>The config document of an image as it came, or null when the image has gone.</summary>
    public byte[]? ReadConfig(string id)
    {
        lock (_gate)
        {
            return _snapshot.ById.ContainsKey(id) ? ReadBlob(id) : null;
        }
    }

    private void Write(StoredImage stored)
        => StoreFiles.Write(
            _files.Images, Digest.Parse(stored.Id).Hex + StoreFiles.RecordSuffix, JsonSerializer.SerializeToUtf8Bytes(stored, StoreJson.Default.StoredImage));

    private void Replace(StoreEntry entry) => _snapshot = Snapshot.Of(_snapshot.ById.SetItem(entry.Stored.Id, entry).Values);

    /// <returns>The same object when nothing changes.</returns>
    private static StoredImage WithoutNames(StoredImage stored, Func<string, bool> isGone)
        => stored.RepoTags.Any(isGone) || stored.RepoDigests.Any(isGone)
            ? stored with
            {
                RepoTags = [.. stored.RepoTags.Where(n => !isGone(n))],
                RepoDigests = [.. stored.RepoDigests.Where(n => !isGone(n))],
            }
            : stored;

    /// <summary>The image as it is shown. The caller has checked that its layers are there.</summary>
    private StoreEntry Entry(StoredImage stored, byte[] config, byte[] manifest)
    {
        var layers = stored.Layers.Select(name => _layers[name].Record).ToList();
        var document = manifest.Length == 0 ? null : OciDocuments.Read(manifest, null, $"The manifest of {stored.Id}");
        return new StoreEntry(stored, new ImageRecord
        {
            Id = stored.Id,
            RepoTags = stored.RepoTags,
            RepoDigests = stored.RepoDigests,
            Size = layers.DistinctBy(l => l.Name).Sum(l => l.Bytes) + config.Length + manifest.Length,
            Config = ImageConfigs.From(OciDocuments.ReadImage(config, $"The config {stored.Id}")),
            Layers = Visible(layers),
            Root = layers.LastOrDefault(l => l.Root is not null)?.Root ?? RootDirectory.Default,
            ManifestDigest = stored.ManifestDigest,
            ImportedAt = stored.ImportedAt,
            Annotations = document?.Annotations ?? [],
        });
    }

    // Top first, down to a layer that hides the rest. overlayfs refuses one directory twice (ELOOP), and the lower of two
    // shows nothing that the upper does not show again.
    private List<string> Visible(List<StoredLayer> layers)
    {
        var visible = new List<string>();
        foreach (var layer in Enumerable.Reverse(layers))
        {
            var path = _files.LayerPath(layer.Name);
            if (!visible.Contains(path))
            {
                visible.Add(path);
            }

            if (layer.HidesAll)
            {
                break;
            }
        }

        return visible;
    }
}
