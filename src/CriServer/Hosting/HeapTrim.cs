namespace Crisp.CriServer.Hosting;

/// <summary>
/// Gives memory back that a pull, an import or a burst of calls has left behind. The collector of a program that is mostly idle
/// has no reason to look, and the daemon's memory is the node's. A collection of ten megabytes takes some milliseconds. It comes
/// when a burst is over: those who poll each second would need everything again that was given back.
/// </summary>
internal sealed class HeapTrim : BackgroundService
{
    private const long WorthIt = 4 << 20;
    private const long Quiet = 256 << 10;
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_interval);
        // The start is the first burst: what it has read and built is mostly garbage when the daemon is ready.
        var collected = Collect();
        var last = collected;
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var allocated = GC.GetTotalAllocatedBytes();
            if (allocated - collected >= WorthIt && allocated - last <= Quiet)
            {
                collected = Collect();
            }

            last = allocated;
        }
    }

    /// <returns>The bytes that were allocated until then.</returns>
    private static long Collect()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return GC.GetTotalAllocatedBytes();
    }
}
