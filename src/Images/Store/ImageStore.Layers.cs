using System.Runtime.ExceptionServices;
using System.Text.Json;
using Crisp.Images.Layers;
using Crisp.Images.Oci;
using Crisp.Images.Store;
using Crisp.Linux;

namespace Crisp.Images;

public sealed partial class ImageStore
{
    // By the name that the layer will have. Whoever wants the same one waits, and looks again.
    private readonly Dictionary<string, TaskCompletionSource> _inFlight = new(StringComparer.Ordinal);

    /// <summary>Brings all layers in at once, and leases them.</summary>
    private async Task<IReadOnlyList<StoredLayer>> EnsureAsync(
        IReadOnlyList<LayerSource> sources, LayerLeases leases, IProgress<ImportProgress>? progress, CancellationToken cancellation)
    {
        var chain = ChainId.Of([.. sources.Select(s => s.DiffId)]);
        using var failure = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var slots = new SemaphoreSlim(_options.Parallelism);
        var tasks = new List<Task<StoredLayer>>(sources.Count);
        for (var i = 0; i < sources.Count; i++)
        {
            var slot = new LayerSlot(slots);
            var work = new LayerWork(sources[i], DiffName(sources[i].DiffId), ChainName(chain[i]), [.. tasks], leases, slot, progress);
            tasks.Add(await BeginAsync(work, failure));
        }

        await Task.WhenAll(tasks).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        if (tasks.Find(t => t.IsFaulted) is { } failed)
        {
            // The others were cancelled because of it.
            ExceptionDispatchInfo.Throw(failed.Exception!.InnerException!);
        }

        cancellation.ThrowIfCancellationRequested();
        return [.. tasks.Select(t => t.Result)];
    }

    /// <summary>
    /// Begins in order from the lowest layer up and lets no more begin than there are slots: a layer that waits for those
    /// beneath can only wait for one that runs.
    /// </summary>
    private async Task<Task<StoredLayer>> BeginAsync(LayerWork work, CancellationTokenSource failure)
    {
        lock (_gate)
        {
            if (TryLease(work) is { } present)
            {
                return Task.FromResult(present);
            }
        }

        try
        {
            await work.Slot.TakeAsync(failure.Token);
        }
        catch (OperationCanceledException)
        {
            return Task.FromCanceled<StoredLayer>(failure.Token);
        }

        return Task.Run(
            async () =>
            {
                try
                {
                    return await EnsureAsync(work, failure.Token);
                }
                catch
                {
                    await failure.CancelAsync();
                    throw;
                }
                finally
                {
                    work.Slot.Release();
                }
            },
            CancellationToken.None);
    }

    private async Task<StoredLayer> EnsureAsync(LayerWork work, CancellationToken cancellation)
    {
        while (true)
        {
            Task? other = null;
            using var claim = new LayerClaim(this);
            lock (_gate)
            {
                if (TryLease(work) is { } present)
                {
                    return present;
                }

                other = InFlight(work.DiffName) ?? InFlight(work.ChainName);
                if (other is null)
                {
                    claim.Take(work.DiffName);
                }
            }

            if (other is null && await UnpackAsync(work, claim, cancellation) is { } made)
            {
                return made;
            }

            if (other is not null)
            {
                // Whether it succeeded does not matter: if not, this call does the work, from its own source.
                await other.WaitAsync(cancellation);
            }
        }
    }

    /// <returns>Null when another call makes the same layer, so that the caller must look again.</returns>
    private async Task<StoredLayer?> UnpackAsync(LayerWork work, LayerClaim claim, CancellationToken cancellation)
    {
        var failures = _files.Sync.Failures;
        var directory = _files.MakeWork();
        try
        {
            StoredLayer record;
            using (var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation))
            using (var stream = await work.Source.OpenAsync(stop.Token))
            {
                // A thread of its own: unpacking is one long row of system calls, and may wait for the layers beneath.
                record = await Task.Factory.StartNew(
                    () => Unpack(work, claim, stream, directory, stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }

            // The disk works on alone: the next layer is unpacked meanwhile, and one sync serves all that are ready.
            work.Slot.Release();
            await _files.Sync.SyncAsync();
            if (_files.Sync.Failures != failures)
            {
                throw new LinuxException("syncfs", Errno.EIO, _files.Path);
            }

            return Keep(work, record, directory);
        }
        catch (LayerTakenException)
        {
            return null;
        }
        finally
        {
            TreeRemoval.Remove(directory);
        }
    }

    private StoredLayer Unpack(LayerWork work, LayerClaim claim, Stream stream, string directory, CancellationTokenSource stop)
    {
        var meter = new ProgressMeter(work.Source, work.Progress, stop.Token);
        var result = LayerUnpacking.Run(
            stream, work.Source, directory, work.Lowers.Count == 0, () => Lowers(work, claim, stop.Token), _options.LayerLimits, meter.Read, stop);
        _options.Reach(StoreStep.LayerUnpacked);
        return Describe(work, result, directory);
    }

    /// <summary>Makes a layer visible whose content is on the disk. Its name need not be there before an image wants it.</summary>
    private StoredLayer Keep(LayerWork work, StoredLayer record, string directory)
    {
        _options.Reach(StoreStep.LayerSynced);
        lock (_gate)
        {
            Files.RenameAt2(_files.Work, Path.GetFileName(directory), _files.Layers, record.Name, RenameFlags.NoReplace);
            _layers.Add(record.Name, new LayerState(record) { AwaitedSince = DateTimeOffset.UtcNow });
            work.Leases.Add(record.Name);
        }

        _options.Reach(StoreStep.LayerRenamed);
        return record;
    }

    private static StoredLayer Describe(LayerWork work, UnpackedLayer result, string directory)
    {
        using var top = Files.Open(directory, OpenFlags.Directory | OpenFlags.NoFollow);
        var usage = DiskUsage.Measure(Path.Combine(directory, StoreFiles.LayerContentName))!;
        var record = new StoredLayer
        {
            Name = result.IsCompleted ? work.ChainName : work.DiffName,
            DiffId = work.Source.DiffId.ToString(),
            Bytes = (long)usage.Bytes,
            Inodes = (long)usage.Inodes,
            Root = result.Root,
            HidesAll = result.HidesAll,
        };
        StoreFiles.WriteUnsynced(top, StoreFiles.LayerRecordName, JsonSerializer.SerializeToUtf8Bytes(record, StoreJson.Default.StoredLayer));
        return record;
    }

    /// <summary>
    /// The layer turns out to be good above those beneath alone: others who wait for it by its diffID must do their own, and
    /// it waits for those beneath. Nobody waits while others may wait for the diffID, so that no circle can form.
    /// </summary>
    private List<string> Lowers(LayerWork work, LayerClaim claim, CancellationToken cancellation)
    {
        lock (_gate)
        {
            claim.Release();
            if (_layers.ContainsKey(work.ChainName) || InFlight(work.ChainName) is not null)
            {
                throw new LayerTakenException();
            }

            claim.Take(work.ChainName);
        }

        Task.WaitAll([.. work.Lowers], cancellation);
        lock (_gate)
        {
            return Visible([.. work.Lowers.Select(l => l.Result)]);
        }
    }

    private StoredLayer? TryLease(LayerWork work)
    {
        var state = _layers.GetValueOrDefault(work.DiffName) ?? _layers.GetValueOrDefault(work.ChainName);
        if (state is not null)
        {
            work.Leases.Add(state.Record.Name);
        }

        return state?.Record;
    }

    private Task? InFlight(string name) => _inFlight.GetValueOrDefault(name)?.Task;
}
