using System.Collections.Concurrent;
using System.Diagnostics;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Linux;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Stats;

/// <summary>
/// Sizes of writable layers. To walk through them each second for each container is too dear, so answers are up to half a
/// minute old and say when they were measured; larger ones are measured less often. One thread measures them one after the
/// other, and only as long as somebody asks.
/// </summary>
internal sealed partial class LayerMeter(LayerQuotas quotas, ILogger logger) : IDisposable
{
    private static readonly TimeSpan _age = TimeSpan.FromSeconds(30);

    // A layer that takes a second to walk through is measured each minute: at most a sixtieth of a processor's time for it.
    private const int AgePerDuration = 60;

    // As many entries as are walked through in a few milliseconds: the first question is answered at once.
    private const ulong SmallTree = 2000;

    private readonly ConcurrentQueue<LiveContainer> _queue = new();
    private readonly CancellationTokenSource _stop = new();
    private int _running;

    /// <summary>The newest measurement; null when there is none yet, or no layer on this node.</summary>
    public LayerMeasurement? Get(LiveContainer container)
    {
        // The filesystem has counted already.
        if (container.Record.LayerQuota is { } quota && quotas.UsageOf(quota) is { } counted)
        {
            return new LayerMeasurement(Node.Now(), TimeSpan.Zero, counted);
        }

        var layer = container.Layer;
        if (layer.Last is null)
        {
            Measure(container, SmallTree);
        }

        var last = layer.Last;
        if (IsStale(container.Record, last) && layer.TryQueue())
        {
            _queue.Enqueue(container);
            Start();
        }

        return last;
    }

    /// <summary>Logs why a layer has no numbers, once for each container and not at each poll.</summary>
    public void Tell(LiveContainer container, LinuxException problem)
    {
        // Where there is no layer any more, the container has just been removed.
        if (problem.Errno != Errno.ENOENT && container.Layer.TryTell())
        {
            Log.NotMeasured(logger, container.Id, problem.Message);
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        SpinWait.SpinUntil(() => Volatile.Read(ref _running) == 0);
        _stop.Dispose();
    }

    /// <summary>Where the layer lies; null for a container without one.</summary>
    public static string? PathOf(ContainerRecord record) => (record.Spec.Root.Source as OverlaySource)?.Upper;

    private static bool IsStale(ContainerRecord record, LayerMeasurement? last)
    {
        if (last is null)
        {
            return PathOf(record) is not null;
        }

        // Nobody writes to the layer of a container that has ended.
        var changes = record.Exit is not { } exit || exit.FinishedAt >= last.Timestamp;
        var age = (Node.Now() - last.Timestamp) / TimeSpan.NanosecondsPerTick;
        return changes && age > Math.Max(_age.Ticks, last.Duration.Ticks * AgePerDuration);
    }

    private void Start()
    {
        if (Interlocked.CompareExchange(ref _running, 1, 0) == 0)
        {
            new Thread(Run) { Name = "layer usage", IsBackground = true }.Start();
        }
    }

    private void Run()
    {
        while (!_stop.IsCancellationRequested && _queue.TryDequeue(out var container))
        {
            // Before the measurement: who finds it stale afterwards may ask for the next.
            container.Layer.Unqueue();
            if (!container.Removed)
            {
                Measure(container, ulong.MaxValue);
            }
        }

        Volatile.Write(ref _running, 0);
        if (!_queue.IsEmpty && !_stop.IsCancellationRequested)
        {
            // It came between the last look at the queue and the line above.
            Start();
        }
    }

    private void Measure(LiveContainer container, ulong limit)
    {
        if (PathOf(container.Record) is not { } path)
        {
            return;
        }

        var (timestamp, start) = (Node.Now(), Stopwatch.GetTimestamp());
        try
        {
            if (DiskUsage.Measure(path, limit, _stop.Token) is { } usage)
            {
                container.Layer.Last = new LayerMeasurement(timestamp, Stopwatch.GetElapsedTime(start), usage);
            }
        }
        catch (LinuxException e)
        {
            Tell(container, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(30, LogLevel.Warning, "The writable layer of the container {Id} could not be measured: {Reason}", EventName = "LayerNotMeasured")]
        public static partial void NotMeasured(ILogger logger, string id, string reason);
    }
}
