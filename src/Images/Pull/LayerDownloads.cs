using Crisp.Images.Registry;
using Crisp.Linux;

namespace Crisp.Images.Pull;

/// <summary>
/// All downloads of the store, one for each layer, whoever wants it. One that nobody wants any more is stopped, and its file
/// stays for the next who does.
/// </summary>
/// <param name="directory">The store's ingest.</param>
internal sealed class LayerDownloads(FileDescriptor directory, TimeProvider time)
{
    private static readonly TimeSpan _keep = TimeSpan.FromDays(1);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Joins a layer's download, or begins it. Must be released.</summary>
    /// <param name="run">Brings the bytes in.</param>
    /// <returns>IsOurs: whether <paramref name="run"/> is called, from another thread, for as long as anybody wants the layer.</returns>
    internal async Task<(LayerDownload Download, bool IsOurs)> AcquireAsync(
        Digest digest, long size, Func<IBlobSink, CancellationToken, Task> run)
    {
        while (true)
        {
            Task ending;
            lock (_gate)
            {
                if (!_entries.TryGetValue(digest.Hex, out var entry))
                {
                    entry = new Entry(new LayerDownload(directory, digest, size)) { Holders = 1 };
                    _entries.Add(digest.Hex, entry);
                    return (entry.Download, entry.TryStart(run));
                }

                if (entry.Holders > 0 && !entry.Download.HasFailed && entry.Download.Size == size)
                {
                    entry.Holders++;
                    return (entry.Download, false);
                }

                ending = entry.Closed.Task;
            }

            // Two must not write one file. Those who hold a failed one are about to let it go.
            await ending;
        }
    }

    /// <summary>Gives a download back; the last who does stops it.</summary>
    internal void Release(LayerDownload download)
    {
        Entry? last = null;
        lock (_gate)
        {
            if (_entries.TryGetValue(download.Digest.Hex, out var entry) && --entry.Holders == 0)
            {
                last = entry;
            }
        }

        if (last is not null && !last.TryClose(Forget))
        {
            _ = last.StopAsync(Forget);
        }
    }

    /// <summary>Removes what was left by downloads that nobody has gone on with.</summary>
    /// <param name="isDiskFull">Then all of them, otherwise those older than a day.</param>
    internal void Sweep(bool isDiskFull)
    {
        lock (_gate)
        {
            var newest = time.GetUtcNow() - _keep;
            foreach (var name in Files.ReadDirectory(directory).Where(name => !_entries.ContainsKey(name)))
            {
                if (isDiskFull || Files.StatusAt(directory, name).Modified.Seconds < newest.ToUnixTimeSeconds())
                {
                    Files.UnlinkAt(directory, name);
                }
            }
        }
    }

    private void Forget(Entry entry)
    {
        lock (_gate)
        {
            _entries.Remove(entry.Download.Digest.Hex);
        }
    }

    private sealed class Entry(LayerDownload download) : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private Task _task = Task.CompletedTask;

        internal LayerDownload Download { get; } = download;

        /// <summary>Guarded by the table's lock.</summary>
        internal int Holders { get; set; }

        internal TaskCompletionSource Closed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <returns>False when everything is here already.</returns>
        internal bool TryStart(Func<IBlobSink, CancellationToken, Task> run)
        {
            if (Download.IsComplete)
            {
                return false;
            }

            _task = Task.Run(() => RunAsync(run));
            return true;
        }

        /// <summary>Closes at once what needs no more waiting: an unpacked layer's file goes before its tree is synced.</summary>
        internal bool TryClose(Action<Entry> forget)
        {
            if (!Download.IsComplete && !_task.IsCompleted)
            {
                return false;
            }

            Close(forget);
            return true;
        }

        internal async Task StopAsync(Action<Entry> forget)
        {
            await _stop.CancelAsync();
            // RunAsync keeps its failure for those who read.
            await _task;
            Close(forget);
        }

        public void Dispose()
        {
            Download.Dispose();
            _stop.Dispose();
        }

        private void Close(Action<Entry> forget)
        {
            Dispose();
            forget(this);
            Closed.SetResult();
        }

        private async Task RunAsync(Func<IBlobSink, CancellationToken, Task> run)
        {
            try
            {
                await run(Download, _stop.Token);
            }
#pragma warning disable CA1031 // Whatever it is, those who read the layer throw it.
            catch (Exception error)
#pragma warning restore CA1031
            {
                Download.Fail(error);
            }
        }
    }
}
