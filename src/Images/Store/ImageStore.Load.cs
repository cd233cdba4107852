using System.Text.Json;
using Crisp.Images.Oci;
using Crisp.Images.Store;
using Crisp.Linux;

namespace Crisp.Images;

public sealed partial class ImageStore
{
    private void Load()
    {
        foreach (var name in Files.ReadDirectory(_files.Work))
        {
            TreeRemoval.Remove(_files.WorkPath(name));
        }

        LoadLayers();
        var entries = LoadImages();
        _revision = entries.Select(e => e.Stored.Revision).DefaultIfEmpty().Max();
        _snapshot = Snapshot.Of(entries);
        entries.ForEach(Claim);
        SettleNames();
        CollectBlobs();
    }

    private void LoadLayers()
    {
        foreach (var name in Files.ReadDirectory(_files.Layers))
        {
            Guarded(_files.Layers, name, () =>
            {
                using var directory = Files.OpenAt(_files.Layers, name, OpenFlags.Directory | OpenFlags.NoFollow);
                var record = StoreFiles.ReadRecord(directory, StoreFiles.LayerRecordName, StoreJson.Default.StoredLayer)
                    ?? throw ImageException.Bad("Its record is null.");
                Check(record.Version, StoredLayer.CurrentVersion);
                if (record.Name != name || Files.StatusAt(directory, StoreFiles.LayerContentName).Type != FileType.Directory)
                {
                    throw ImageException.Bad($"It is the record of {record.Name}, or has no content.");
                }

                var made = Files.StatusAt(directory, StoreFiles.LayerRecordName).Modified.ToDateTimeOffset();
                _layers.Add(name, new LayerState(record) { AwaitedSince = made });
            });
        }
    }

    private List<StoreEntry> LoadImages()
    {
        var entries = new List<StoreEntry>();
        foreach (var name in Files.ReadDirectory(_files.Images))
        {
            if (StoreFiles.IsTemporary(name))
            {
                Files.UnlinkAt(_files.Images, name);
                continue;
            }

            Guarded(_files.Images, name, () =>
            {
                var stored = StoreFiles.ReadRecord(_files.Images, name, StoreJson.Default.StoredImage)
                    ?? throw ImageException.Bad("It is null.");
                Check(stored.Version, StoredImage.CurrentVersion);
                if (Digest.Parse(stored.Id).Hex + StoreFiles.RecordSuffix != name)
                {
                    throw ImageException.Bad($"It is the record of {stored.Id}.");
                }

                if (stored.Layers.FirstOrDefault(layer => !_layers.ContainsKey(layer)) is { } missing)
                {
                    throw ImageException.Bad($"The layer {missing} is not there.");
                }

                entries.Add(Entry(stored, ReadBlob(stored.Id), stored.ManifestDigest is { } manifest ? ReadBlob(manifest) : []));
            });
        }

        return entries;
    }

    // Whatever is wrong with one file concerns this file alone: it is set aside and reported, and the store opens.
    private void Guarded(FileDescriptor directory, string name, Action load)
    {
        try
        {
            load();
        }
        catch (Exception error) when (error is JsonException or LinuxException or ImageException)
        {
            _damaged.Add(_files.SetAside(directory, name, error.Message));
        }
    }

    private static void Check(int version, int newest)
    {
        if (version < 1 || version > newest)
        {
            throw ImageException.Bad($"It has version {version}; this build reads up to {newest}.");
        }
    }

    private byte[] ReadBlob(string digest)
    {
        var content = StoreFiles.Read(_files.Blobs, Digest.Parse(digest).Hex, OciDocuments.MaxConfig);
        return Digest.Of(content).ToString() == digest
            ? content
            : throw ImageException.Bad($"The blob {digest} has other content than its name says.");
    }

    /// <summary>The daemon died while names moved from one image to another: the newer record has them.</summary>
    private void SettleNames()
    {
        foreach (var entry in _snapshot.ById.Values)
        {
            var stored = WithoutNames(entry.Stored, name => _snapshot.ByName[name] != entry.Stored.Id);
            if (stored == entry.Stored)
            {
                continue;
            }

            try
            {
                Write(stored);
            }
            catch (LinuxException error)
            {
                _damaged.Add(new DamagedFile(stored.Id, $"Names that moved to other images could not be taken off its record: {error.Message}"));
            }

            Replace(entry with { Stored = stored, Image = entry.Image with { RepoTags = stored.RepoTags, RepoDigests = stored.RepoDigests } });
        }
    }
}
