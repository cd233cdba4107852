using System.Collections.Concurrent;
using Crisp.Images.Oci;

namespace Crisp.Images.Pull;

internal sealed partial class ImagePull
{
    // Downloads that have begun and whose layer the store has not asked for yet.
    private readonly ConcurrentDictionary<Digest, LayerDownload> _waiting = [];
    private readonly ConcurrentBag<LayerDownload> _all = [];

    // The pull itself, and its downloads: another pull of the same layer may need one longer than this pull lasts.
    private int _users = 1;

    /// <summary>
    /// Begins to download what the node lacks, the lowest layer first: the unpacking takes them in this order, and a layer is
    /// on its way long before its turn.
    /// </summary>
    private async Task StartAsync(ImageContent content)
    {
        foreach (var i in _store.MissingLayers([.. content.Layers.Select(l => l.DiffId)]))
        {
            var layer = content.Layers[i];
            if (layer.Digest is { } digest && !_waiting.ContainsKey(digest))
            {
                _board.Downloaded(layer.Subject, 0, layer.Size);
                _waiting[digest] = await AcquireAsync(digest, layer.Size);
            }
        }
    }

    /// <summary>Called by the store for a layer that it does not have.</summary>
    private async Task<Stream> OpenAsync(OciDescriptor descriptor, CancellationToken cancellation)
    {
        var digest = Digest.Parse(descriptor.Digest);
        var download = _waiting.TryRemove(digest, out var waiting) ? waiting : await AcquireAsync(digest, descriptor.Size);
        return new LayerStream(download, () => _downloads.Release(download), cancellation);
    }

    private async Task<LayerDownload> AcquireAsync(Digest digest, long size)
    {
        Interlocked.Increment(ref _users);
        var isOurs = false;
        try
        {
            (var download, isOurs) = await _downloads.AcquireAsync(digest, size, (sink, stop) => DownloadAsync(digest, size, sink, stop));
            download.Advanced += done => _board.Downloaded(digest.ToString(), done, size);
            _all.Add(download);
            return download;
        }
        finally
        {
            if (!isOurs)
            {
                Leave();
            }
        }
    }

    private async Task DownloadAsync(Digest digest, long size, Registry.IBlobSink sink, CancellationToken stop)
    {
        try
        {
            await _slots.WaitAsync(stop);
            try
            {
                await _session.DownloadAsync(digest, size, sink, stop);
            }
            finally
            {
                _slots.Release();
            }
        }
        finally
        {
            Leave();
        }
    }

    private void Discard()
    {
        foreach (var download in _all)
        {
            download.Discard();
        }
    }

    private void ReleaseWaiting()
    {
        foreach (var digest in _waiting.Keys)
        {
            if (_waiting.TryRemove(digest, out var download))
            {
                _downloads.Release(download);
            }
        }
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _session.Dispose();
            _slots.Dispose();
        }
    }
}
