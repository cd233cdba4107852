using System.Runtime.ExceptionServices;
using Crisp.Images.Pull;
using Crisp.Images.Registry;
using Crisp.Linux;

namespace Crisp.Images;

/// <summary>Pulls images from registries into the store. One for the daemon.</summary>
public sealed class ImagePuller
{
    private readonly ImageStore _store;
    private readonly Func<RegistryOptions> _options;
    private readonly RegistryClient _client;
    private readonly LayerDownloads _downloads;
    private readonly SharedPulls _pulls = new();

    public ImagePuller(ImageStore store, RegistryOptions options, TimeProvider? time = null)
        : this(store, () => options, time)
    {
    }

    /// <param name="options">Asked at the beginning of each pull.</param>
    public ImagePuller(ImageStore store, Func<RegistryOptions> options, TimeProvider? time = null)
    {
        _store = store;
        _options = options;
        _client = new RegistryClient(time);
        _downloads = new LayerDownloads(store.Ingest, time ?? TimeProvider.System);
    }

    /// <summary>
    /// Brings an image in, or makes sure that what the node has under this name is what the registry has. Layers that the node
    /// has are not fetched; the same image is fetched once for all who want it at the same time.
    /// </summary>
    /// <param name="image">A reference, not an id: registry.example/app:1.</param>
    /// <param name="credentials">For the image's registry, or null.</param>
    /// <param name="cancellation">Ends the wait; the pull itself when nobody else waits for it. What has come so far is kept
    /// for the next try.</param>
    /// <exception cref="ImageException">It cannot be had; the message says why and what to do.</exception>
    public Task<ImageRecord> PullAsync(
        string image, RegistryCredentials? credentials, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        var reference = ImageReference.Parse(image);
        return _pulls.JoinAsync(
            reference.ToString(),
            credentials?.Fingerprint,
            progress,
            (board, stop) => ImageMeters.MeasurePullAsync(() => RunAsync(reference, credentials, board, stop)),
            cancellation);
    }

    private async Task<ImageRecord> RunAsync(
        ImageReference reference, RegistryCredentials? credentials, PullBoard board, CancellationToken cancellation)
    {
        _downloads.Sweep(isDiskFull: false);
        try
        {
            return await RunTwiceAsync(reference, credentials, board, cancellation);
        }
        catch (LinuxException error) when (error.Errno is Errno.ENOSPC or Errno.EDQUOT)
        {
            _downloads.Sweep(isDiskFull: true);
            _store.Collect(evenAwaited: true);
            throw new ImageException(
                ImageError.DiskFull,
                $"The disk that holds the images is full: {error.Message}. What the pull of {reference} had brought was removed. "
                    + "Remove images or files, or move root to a larger disk.",
                error);
        }
    }

    private async Task<ImageRecord> RunTwiceAsync(
        ImageReference reference, RegistryCredentials? credentials, PullBoard board, CancellationToken cancellation)
    {
        var options = _options();
        for (var isFirst = true; ; isFirst = false)
        {
            using var pull = new ImagePull(_store, reference, _client.Open(reference, credentials, options), _downloads, board, options);
            try
            {
                return await pull.RunAsync(cancellation);
            }
            catch (LayerDownloadException error)
            {
                ExceptionDispatchInfo.Throw(error.InnerException!);
            }
            catch (ImageException error) when (error.Kind == ImageError.BadContent && isFirst && pull.HasResumed)
            {
                // A half file that a power failure filled with zeros. It has been removed, and everything comes anew.
            }
        }
    }
}
