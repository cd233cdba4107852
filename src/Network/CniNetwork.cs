using System.Collections.Concurrent;
using System.Text.Json;
using Crisp.Linux;

namespace Crisp.Network;

/// <summary>
/// Lets pods join networks and leave them. For any number of threads, as long as one attachment has one call at a time
/// (specification, "Lifecycle &amp; Ordering").
/// </summary>
/// <remarks>
/// The durable steps of ADD, each of which the process may not survive:
/// <code>
///   1. the cache holds the configuration, stage Adding   -- from here on DEL knows what to do, without the namespace too
///   2. plugin after plugin does its ADD
///   3. the cache holds the result, stage Added
/// </code>
/// and of DEL: plugin after plugin, in reverse; then the cache forgets. DEL may be repeated from the beginning at any time.
/// </remarks>
public sealed partial class CniNetwork : IDisposable
{
    private readonly CniOptions _options;
    private readonly CniCache _cache;
    private readonly ConcurrentQueue<string> _problems = new();

    // GC must not run beside ADD or DEL, which may run beside each other: they are its readers.
    private readonly ReaderWriterLockSlim _gate = new();

    public CniNetwork(CniOptions options)
    {
        _options = options;
        _cache = new CniCache(options.CacheDirectory);
    }

    /// <summary>Removes from the cache what a killed daemon left half-written. Before the first use, while nobody else uses the cache.</summary>
    public void RemoveTemporaries() => _cache.RemoveTemporaries();

    /// <summary>What is known to have been added and not deleted since, whatever came of it.</summary>
    public IReadOnlyList<(string ContainerId, string InterfaceName)> Attachments() => _cache.Attachments();

    /// <summary>Whether it is among <see cref="Attachments"/>.</summary>
    public bool IsAttached(string containerId, string interfaceName = CniAttachment.DefaultInterface)
    {
        using var entry = _cache.Open(containerId, interfaceName);
        return entry is not null;
    }

    /// <summary>The result that ADD gave; null when there is none.</summary>
    /// <exception cref="CniException">It cannot be read.</exception>
    public CniResult? ResultOf(string containerId, string interfaceName = CniAttachment.DefaultInterface)
        => Entry(containerId, interfaceName) is { Result: { } result } entry
            ? CniResultReader.Read(JsonSerializer.SerializeToUtf8Bytes(result, CniJson.Default.JsonElement), NetworkOf(entry).Version)
            : null;

    /// <summary>Sentences on cache entries that were set aside since the last call.</summary>
    public IReadOnlyList<string> TakeProblems()
    {
        var problems = new List<string>();
        while (_problems.TryDequeue(out var problem))
        {
            problems.Add(problem);
        }

        return problems;
    }

    public void Dispose()
    {
        _cache.Dispose();
        _gate.Dispose();
    }

    private static NetworkConfigList NetworkOf(CniCacheEntry entry)
        => NetworkConfigReader.Read(JsonSerializer.SerializeToUtf8Bytes(entry.Config, CniJson.Default.JsonElement), entry.Source);

    private CniCacheEntry? Entry(string containerId, string interfaceName) => Entry(containerId, interfaceName, out _);

    private CniCacheEntry? Entry(string containerId, string interfaceName, out bool damaged)
    {
        var entry = _cache.Read(containerId, interfaceName, out var problem);
        damaged = problem is not null;
        if (problem is not null)
        {
            _problems.Enqueue(problem);
        }

        return entry;
    }

    // Plugins are waited for with blocking calls, so they get a thread of their own, and the pool keeps its threads for calls.
    private Task<T> OnThread<T>(Func<T> work, bool exclusive = false)
        => Task.Factory.StartNew(() => Gated(work, exclusive), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private T Gated<T>(Func<T> work, bool exclusive)
    {
        if (exclusive)
        {
            _gate.EnterWriteLock();
        }
        else
        {
            _gate.EnterReadLock();
        }

        try
        {
            return work();
        }
        catch (LinuxException e)
        {
            throw new CniException($"The CNI cache {_cache.Path} or a process of a plugin cannot be used: {e.Message}.", e);
        }
        finally
        {
            if (exclusive)
            {
                _gate.ExitWriteLock();
            }
            else
            {
                _gate.ExitReadLock();
            }
        }
    }
}
