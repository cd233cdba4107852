using Crisp.NodeAgent.Configuration;
using Crisp.Install.Host;
using Crisp.NodeAgent.Kubernetes;
using Crisp.NodeAgent.Monitoring;

namespace Crisp.NodeAgent.Reconciling;

/// <summary>Looks at the node when it has changed, and every half minute. What fails is tried again, less and less often.</summary>
internal sealed partial class AgentLoop(
    AgentOptions options, NodeReconciler reconciler, WakeUp wakeUp, AgentMetrics metrics, TimeProvider time, ILogger<AgentLoop> logger) : BackgroundService
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = options.RetryDelay;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await reconciler.ReconcileAsync(stoppingToken);
                metrics.Reconciled(isOk: true, time.GetUtcNow());
                pause = options.RetryDelay;
                await wakeUp.WaitAsync(options.Resync, stoppingToken);
            }
            catch (Exception e) when (e is HostException or ClusterException or DrainException)
            {
                metrics.Reconciled(isOk: false, time.GetUtcNow());
                Log.Failed(logger, e.Message);
                await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < s_longest ? pause * 2 : s_longest;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "The node is not as it should be: {Reason}", EventName = "ReconciliationFailed")]
        public static partial void Failed(ILogger logger, string reason);
    }
}
