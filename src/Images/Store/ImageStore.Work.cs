using Crisp.Images.Store;

namespace Crisp.Images;

public sealed partial class ImageStore
{
    /// <summary>One layer of one image that is coming in.</summary>
    /// <param name="DiffName">Its name if it needs nothing of the layers beneath.</param>
    /// <param name="ChainName">Its name if it does.</param>
    /// <param name="Lowers">The layers beneath, lowest first.</param>
    private sealed record LayerWork(
        LayerSource Source,
        string DiffName,
        string ChainName,
        IReadOnlyList<Task<StoredLayer>> Lowers,
        LayerLeases Leases,
        LayerSlot Slot,
        IProgress<ImportProgress>? Progress);

    /// <summary>The layers that one call counts on. All members need the store's lock, except disposal, which takes it.</summary>
    private sealed class LayerLeases(ImageStore store) : IDisposable
    {
        private readonly List<string> _names = [];

        internal void Add(string name)
        {
            store._layers[name].Leases++;
            _names.Add(name);
        }

        /// <summary>No image will come for them. Layers that an image has are not concerned.</summary>
        internal void Abandon()
        {
            lock (store._gate)
            {
                _names.ForEach(name => store._layers[name].AwaitedSince = null);
            }
        }

        public void Dispose()
        {
            lock (store._gate)
            {
                store.Release(_names);
                _names.Clear();
            }
        }
    }

    /// <summary>The right to make the layer of one name. Taken and released under the store's lock.</summary>
    private sealed class LayerClaim(ImageStore store) : IDisposable
    {
        private TaskCompletionSource? _current;
        private string? _name;

        internal void Take(string name)
        {
            _name = name;
            // Continuations must not run under the lock.
            _current = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            store._inFlight.Add(name, _current);
        }

        internal void Release()
        {
            if (_name is not null)
            {
                store._inFlight.Remove(_name);
                _current!.SetResult();
                _name = null;
            }
        }

        public void Dispose()
        {
            lock (store._gate)
            {
                Release();
            }
        }
    }

    /// <summary>One of the image's places for unpacking. Released once, however often it is said.</summary>
    private sealed class LayerSlot(SemaphoreSlim slots)
    {
        private int _held;

        internal async Task TakeAsync(CancellationToken cancellation)
        {
            await slots.WaitAsync(cancellation);
            _held = 1;
        }

        internal void Release()
        {
            if (Interlocked.Exchange(ref _held, 0) == 1)
            {
                slots.Release();
            }
        }
    }

    /// <summary>Another call has made the layer, or is making it.</summary>
    private sealed class LayerTakenException : Exception;
}
