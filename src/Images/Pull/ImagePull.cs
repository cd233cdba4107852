using Crisp.Images.Oci;
using Crisp.Images.Registry;
using Crisp.Linux;

namespace Crisp.Images.Pull;

/// <summary>One image from its registry into the store.</summary>
internal sealed partial class ImagePull : IDisposable
{
    // An index of indexes of indexes has no honest use.
    private const int MaxDepth = 4;
    private readonly ImageStore _store;
    private readonly ImageReference _reference;
    private readonly RegistrySession _session;
    private readonly LayerDownloads _downloads;
    private readonly PullBoard _board;
    private readonly SemaphoreSlim _slots;

    internal ImagePull(
        ImageStore store,
        ImageReference reference,
        RegistrySession session,
        LayerDownloads downloads,
        PullBoard board,
        RegistryOptions options)
    {
        _store = store;
        _reference = reference;
        _session = session;
        _downloads = downloads;
        _board = board;
        _slots = new SemaphoreSlim(options.MaxParallelDownloads);
    }

    /// <summary>Whether bytes of another time were gone on with: if they were wrong, it may have been their fault.</summary>
    internal bool HasResumed => _all.Any(d => d.IsResumed);

    /// <exception cref="ImageException">It cannot be had, or is not what it claims to be.</exception>
    /// <exception cref="LinuxException">The disk is full or broken.</exception>
    internal async Task<ImageRecord> RunAsync(CancellationToken cancellation)
    {
        if (await FindUnchangedAsync(cancellation) is { } present)
        {
            return present;
        }

        var top = await _session.ResolveAsync(cancellation);
        var manifest = await ChooseAsync(top, cancellation);
        var content = await ContentAsync(manifest, cancellation) with
        {
            RepoTags = _reference is { RepoTag: { } tag, Digest: null } ? [tag] : [],
            RepoDigests = [$"{_reference.Name}@{top.Digest}"],
        };
        try
        {
            await StartAsync(content);
            var image = await _store.AddAsync(content, _board, cancellation);
            // What is left was brought in by others in the meantime.
            Discard();
            return image;
        }
        catch (Exception error) when (IsHopeless(error))
        {
            Discard();
            throw;
        }
        finally
        {
            ReleaseWaiting();
        }
    }

    public void Dispose() => Leave();

    // Going on with the same bytes would not make them right, and would keep a full disk full.
    private static bool IsHopeless(Exception error) => error switch
    {
        ImageException image => image.Kind is ImageError.BadContent or ImageError.Unsupported,
        LayerDownloadException download => IsHopeless(download.InnerException!),
        LinuxException => true,
        _ => false,
    };

    /// <summary>
    /// A name that the node has, and that still stands for the same. The registry is asked in any case: it decides whether
    /// these credentials may have the image.
    /// </summary>
    private async Task<ImageRecord?> FindUnchangedAsync(CancellationToken cancellation)
    {
        var known = _store.Find(_reference.ToString());
        return known is not null && await _session.ProbeAsync(cancellation) is { } digest
            && known.RepoDigests.Contains($"{_reference.Name}@{digest}")
            ? known
            : null;
    }

    /// <summary>From what the name stands for to the manifest for this node.</summary>
    private async Task<RegistryDocument> ChooseAsync(RegistryDocument top, CancellationToken cancellation)
    {
        var current = top;
        OciDescriptor? descriptor = null;
        for (var depth = 0; ; depth++)
        {
            var subject = $"The document {current.Digest} of {_reference.Name}";
            var document = OciDocuments.Read(current.Content, current.MediaType, subject);
            OciDocuments.CheckKind(document, descriptor?.MediaType, subject);
            if (document.Manifests is null)
            {
                return current;
            }

            descriptor = depth < MaxDepth
                ? Platforms.Choose(document.Manifests)
                    ?? throw ImageException.Unsupported(
                        $"The image {_reference} has nothing for linux/amd64, only for: {Platforms.Describe(document.Manifests)}.")
                : throw ImageException.Bad($"{subject} is an index of an index, more than {MaxDepth} deep.");
            var digest = Digest.Parse(descriptor.Digest);
            current = _store.FindBlob(digest) is { } present
                ? new RegistryDocument(present, null, null)
                : await _session.ReadManifestAsync(digest, descriptor.Size, cancellation);
        }
    }

    private async Task<ImageContent> ContentAsync(RegistryDocument manifest, CancellationToken cancellation)
    {
        var descriptor = OciDocuments.Read(manifest.Content, manifest.MediaType, $"The manifest {manifest.Digest}").Config!;
        if (descriptor.Size is < 0 or > OciDocuments.MaxConfig)
        {
            throw ImageException.Bad($"The config of {_reference} has {descriptor.Size} bytes; at most {OciDocuments.MaxConfig} are read.");
        }

        // An artifact's config may be anything, and is refused before it is fetched.
        var digest = Digest.Parse(descriptor.Digest);
        if (descriptor.MediaType is { } type && !MediaTypes.IsConfig(type))
        {
            throw ImageException.Unsupported($"{_reference} has a config of the type {type}: it is an artifact, not a container image.");
        }

        var config = _store.FindBlob(digest) ?? await _session.ReadConfigAsync(digest, cancellation);
        return ManifestContent.From(manifest.Content, config, OpenAsync);
    }
}
