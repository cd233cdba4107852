using Crisp.Cgroups;
using Crisp.CriServer.State;
using Crisp.Linux;
using Crisp.Sandbox.Client;

namespace Crisp.CriServer.Stats;

/// <summary>
/// What of a pod's usage can be read. What cannot, against expectation (a cgroup or a file of /proc that the node's kernel does not
/// let the daemon read), has no numbers: one pod must not fail a list of all. The log says why, once for each pod and not at each poll.
/// </summary>
/// <param name="pod">Its id.</param>
internal sealed partial class ReadablePodStats(IPodStats stats, string pod, ILogger logger) : IPodStats
{
    private int _told;

    public ValueTask<PodUsage> PodAsync(StatsParts parts, CancellationToken cancellation)
        => ReadAsync(() => stats.PodAsync(parts, cancellation), new PodUsage(new CgroupStats(), null));

    public ValueTask<CgroupStats> ContainerAsync(ContainerRecord container, StatsParts parts, CancellationToken cancellation)
        => ReadAsync(() => stats.ContainerAsync(container, parts, cancellation), new CgroupStats());

    public ValueTask<SandboxStats> DetailsAsync(ContainerRecord container, CancellationToken cancellation)
        => ReadAsync(() => stats.DetailsAsync(container, cancellation), new SandboxStats(new CgroupStats(), null, null));

    public void Dispose() => stats.Dispose();

    private async ValueTask<T> ReadAsync<T>(Func<ValueTask<T>> read, T none)
    {
        try
        {
            return await read();
        }
        catch (Exception e) when (e is CgroupException or LinuxException)
        {
            if (Interlocked.Exchange(ref _told, 1) == 0)
            {
                Log.NotRead(logger, pod, e.Message);
            }

            return none;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            32, LogLevel.Warning, "The usage of the pod {Id} cannot be read, so that it is left out of statistics and metrics: {Reason}", EventName = "UsageNotRead")]
        public static partial void NotRead(ILogger logger, string id, string reason);
    }
}
