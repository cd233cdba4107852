namespace Crisp.CriServer.Hosting;

/// <summary>
/// Gives memory back that a pull, an import or a burst of calls has left behind. The collector of a program that is mostly idle
/// has no reason to look, and the daemon's memory is the node's. A collection of ten megabytes takes some milliseconds.
/// </summary>
internal sealed class HeapTrim : BackgroundService
{
    private const long WorthIt = 4 << 20;
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_interval);
        var before = 0L;
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var allocated = GC.GetTotalAllocatedBytes();
            if (allocated - before >= WorthIt)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                before = allocated;
            }
        }
    }
}
