using Crisp.Images.Oci;
using Crisp.Images.Store;
using Crisp.Linux;

namespace Crisp.Images;

public sealed partial class ImageStore
{
    private const string Architecture = "amd64";

    /// <summary>
    /// Brings an image in. Layers that the node has are not read again, those that another call is bringing in are waited for.
    /// If the image is here already, it gets the further names.
    /// </summary>
    /// <exception cref="ImageException">The image is not what it claims to be, or not for this node.</exception>
    /// <exception cref="LinuxException">The disk is full or broken. Layers that came to their end stay for the next try.</exception>
    public async Task<ImageRecord> AddAsync(ImageContent content, IProgress<ImportProgress>? progress, CancellationToken cancellation)
    {
        var id = Digest.Of(content.Config.Span);
        var config = OciDocuments.ReadImage(content.Config.Span, $"The config {id}");
        var diffIds = config.Rootfs!.DiffIds!.ConvertAll(Digest.Parse);
        CheckPlatform(config, id);
        if (!content.Layers.Select(l => l.DiffId).SequenceEqual(diffIds))
        {
            throw ImageException.Bad($"The image {id} has {content.Layers.Count} layers where its config names {diffIds.Count}, or others.");
        }

        using var leases = new LayerLeases(this);
        try
        {
            var layers = await EnsureAsync(content.Layers, leases, progress, cancellation);
            lock (_gate)
            {
                return Commit(content, id, layers);
            }
        }
        catch (ImageException)
        {
            // Trying again would bring the same.
            leases.Abandon();
            throw;
        }
        catch (LinuxException error) when (error.Errno is Errno.ENOSPC or Errno.EDQUOT)
        {
            // What earlier failures left may be what is missing.
            leases.Dispose();
            Collect(evenAwaited: true);
            throw;
        }
    }

    private static void CheckPlatform(OciImage config, Digest id)
    {
        // Images of the first years say nothing.
        if ((config.Os ?? "linux") is not ("linux" or "") || (config.Architecture ?? Architecture) is not (Architecture or ""))
        {
            throw ImageException.Unsupported($"The image {id} is for {config.Os}/{config.Architecture}; this node is linux/{Architecture}.");
        }
    }

    // Names first come to the new image, then leave the old ones: should the daemon die in between, the newer record has them.
    private ImageRecord Commit(ImageContent content, Digest id, IReadOnlyList<StoredLayer> layers)
    {
        var manifest = content.Manifest.IsEmpty ? null : Digest.Of(content.Manifest.Span);
        WriteBlob(id, content.Config.Span);
        if (manifest is not null)
        {
            WriteBlob(manifest, content.Manifest.Span);
        }

        _options.Reach(StoreStep.BlobsWritten);
        var old = _snapshot.ById.GetValueOrDefault(id.ToString())?.Stored;
        var stored = new StoredImage
        {
            Id = id.ToString(),
            Revision = ++_revision,
            RepoTags = [.. (old?.RepoTags ?? []).Union(content.RepoTags)],
            RepoDigests = [.. (old?.RepoDigests ?? []).Union(content.RepoDigests)],
            ManifestDigest = manifest?.ToString() ?? old?.ManifestDigest,
            Layers = [.. layers.Select(l => l.Name)],
            ImportedAt = old?.ImportedAt ?? DateTimeOffset.UtcNow,
        };
        var shown = stored.ManifestDigest is { } digest && manifest is null ? ReadBlob(digest) : content.Manifest.ToArray();
        var entry = Entry(stored, content.Config.ToArray(), shown);
        // The names of all layers that have become visible since the last image.
        Files.Fsync(_files.Layers);
        Write(stored);
        _options.Reach(StoreStep.ImageWritten);
        var losers = _snapshot.ById.Values.Where(e => e.Stored.Id != stored.Id).ToList();
        Replace(entry);
        Claim(entry);
        foreach (var loser in losers)
        {
            TakeNames(loser, name => stored.RepoTags.Contains(name) || stored.RepoDigests.Contains(name));
        }

        _options.Reach(StoreStep.NamesMoved);
        return entry.Image;
    }

    private void Claim(StoreEntry entry)
    {
        foreach (var layer in entry.Stored.Layers)
        {
            _layers[layer].AwaitedSince = null;
        }
    }

    private void TakeNames(StoreEntry loser, Func<string, bool> isGone)
    {
        var stored = WithoutNames(loser.Stored, isGone);
        if (stored != loser.Stored)
        {
            Replace(new StoreEntry(stored, loser.Image with { RepoTags = stored.RepoTags, RepoDigests = stored.RepoDigests }));
            Write(stored);
        }
    }

    private void WriteBlob(Digest digest, ReadOnlySpan<byte> content)
    {
        if (Files.TryStatusAt(_files.Blobs, digest.Hex, out _) is null)
        {
            StoreFiles.Write(_files.Blobs, digest.Hex, content);
        }
    }
}
