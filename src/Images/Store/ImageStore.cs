using Crisp.Images.Store;
using Crisp.Linux;

namespace Crisp.Images;

/// <summary>
/// The images of a node. Reading answers from memory; everything that changes is on the disk before it is answered. A
/// process may die at any instruction: what was half made is swept at the next start, what was committed is there.
/// </summary>
public sealed partial class ImageStore : IDisposable
{
    private readonly Lock _gate = new();
    private readonly StoreFiles _files;
    private readonly ImageStoreOptions _options;
    private readonly List<DamagedFile> _damaged = [];
    private readonly Dictionary<string, LayerState> _layers = new(StringComparer.Ordinal);
    private volatile Snapshot _snapshot = Snapshot.Empty;
    private long _revision;

    private ImageStore(StoreFiles files, ImageStoreOptions options)
    {
        _files = files;
        _options = options;
    }

    /// <summary>What could not be read at the start and was set aside. The store works without it.</summary>
    public IReadOnlyList<DamagedFile> Damaged => _damaged;

    /// <summary>All images, in the order in which they came.</summary>
    public IReadOnlyList<ImageRecord> Images => [.. _snapshot.ById.Values.Select(e => e.Image).OrderBy(i => i.ImportedAt).ThenBy(i => i.Id, StringComparer.Ordinal)];

    /// <summary>
    /// Names layer directories that are in use (<see cref="ImageRecord.Layers"/> of running containers), so that they stay
    /// although their image is removed. Asked before layers are removed, under the store's lock; must not call the store.
    /// </summary>
    public Func<IEnumerable<string>> LayersInUse { get; set; } = () => [];

    /// <summary>Opens the store, and sweeps what a dead process left half made.</summary>
    /// <param name="path">Made with mode 0700 where it is missing.</param>
    /// <exception cref="ImageException">Another process has it open.</exception>
    public static ImageStore Open(string path, ImageStoreOptions? options = null)
    {
        var files = StoreFiles.Open(path);
        try
        {
            var store = new ImageStore(files, options ?? new ImageStoreOptions());
            store.Load();
            return store;
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The image of an id (sha256:HEX, HEX, or the beginning of one image's HEX) or of a reference (name with tag, digest or
    /// neither). Null when this node has none such.
    /// </summary>
    /// <exception cref="ImageException">The text begins more than one id.</exception>
    public ImageRecord? Find(string reference) => _snapshot.Find(reference)?.Image;

    /// <summary>Whether no pull, import or <see cref="ImageLease"/> holds a layer.</summary>
    internal bool IsIdle
    {
        get
        {
            lock (_gate)
            {
                return _layers.Values.All(l => l.Leases == 0);
            }
        }
    }

    /// <summary>Finds an image and keeps its layers from removal until the lease is disposed.</summary>
    public ImageLease? Acquire(string reference)
    {
        lock (_gate)
        {
            if (_snapshot.Find(reference) is not { } entry)
            {
                return null;
            }

            foreach (var layer in entry.Stored.Layers)
            {
                _layers[layer].Leases++;
            }

            return new ImageLease(entry.Image, () => Release(entry.Stored.Layers));
        }
    }

    public void Dispose() => _files.Dispose();

    /// <summary>A file of the store's filesystem without a name, so that nothing of it is left when it is closed.</summary>
    internal FileDescriptor MakeTemporaryFile() => Files.OpenAt(_files.Work, ".", OpenFlags.Temporary | OpenFlags.ReadWrite, 0x180);

    private void Release(IEnumerable<string> layers)
    {
        lock (_gate)
        {
            foreach (var layer in layers)
            {
                _layers[layer].Leases--;
            }
        }
    }

    /// <param name="record">Never changes.</param>
    private sealed class LayerState(StoredLayer record)
    {
        internal StoredLayer Record { get; } = record;

        /// <summary>Imports and creations that count on the layer, guarded by the store's lock.</summary>
        internal int Leases { get; set; }

        /// <summary>When it was made, for a layer whose image has not come yet; null once one has it. Guarded by the store's lock.</summary>
        internal DateTimeOffset? AwaitedSince { get; set; }
    }
}

/// <summary>Keeps an image's layers on the node while it is not disposed. Disposing twice is once.</summary>
public sealed class ImageLease : IDisposable
{
    private Action? _release;

    internal ImageLease(ImageRecord image, Action release)
    {
        Image = image;
        _release = release;
    }

    public ImageRecord Image { get; }

    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
}
