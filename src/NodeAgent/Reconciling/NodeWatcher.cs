using Crisp.NodeAgent.Configuration;
using Crisp.NodeAgent.Kubernetes;

namespace Crisp.NodeAgent.Reconciling;

/// <summary>Wakes the agent when its node's object has changed. While the API server is away, the agent's own clock does.</summary>
internal sealed partial class NodeWatcher(AgentOptions options, Cluster cluster, WakeUp wakeUp, TimeProvider time, ILogger<NodeWatcher> logger) : BackgroundService
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = options.RetryDelay;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var node = await cluster.GetNodeAsync(options.NodeName, stoppingToken);
                wakeUp.Now();
                await foreach (var _ in cluster.WatchNodeAsync(options.NodeName, node.Metadata.ResourceVersion, stoppingToken))
                {
                    pause = options.RetryDelay;
                    wakeUp.Now();
                }
            }
            catch (ClusterException e)
            {
                Log.Dropped(logger, e.Message);
                pause = pause * 2 < s_longest ? pause * 2 : s_longest;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            // A server that ends each watch at once must not be asked without a breath.
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "The node is not watched for now: {Reason}", EventName = "WatchDropped")]
        public static partial void Dropped(ILogger logger, string reason);
    }
}
