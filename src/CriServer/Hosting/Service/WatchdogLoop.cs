using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine;
using Grpc.Core;

namespace Crisp.CriServer.Hosting.Service;

/// <summary>
/// Tells systemd that the daemon is alive, at twice the rate that it wants: each time only after a call over the daemon's own
/// socket was answered. A daemon that runs and does not answer is so replaced by one that does; pods do not notice.
/// </summary>
internal sealed partial class WatchdogLoop(ServiceNotifier notifier, TimeSpan watchdog, string socketPath, ILogger logger)
{
    private readonly TimeSpan _interval = watchdog / 2;

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(_interval);
        try
        {
            do
            {
                if (await AnswersAsync(cancellation))
                {
                    notifier.IsAlive();
                }
            }
            while (await timer.WaitForNextTickAsync(cancellation));
        }
        catch (OperationCanceledException)
        {
            // The daemon stops.
        }
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellation)
    {
        // A connection of its own: that new clients are let in is a part of what is to be proven.
        using var client = new DaemonClient(socketPath);
        try
        {
            await client.Runtime.ListPodSandboxAsync(
                new ListPodSandboxRequest { Filter = new PodSandboxFilter { Id = "watchdog" } },
                deadline: DateTime.UtcNow + _interval,
                cancellationToken: cancellation);
            return true;
        }
        catch (RpcException e)
        {
            cancellation.ThrowIfCancellationRequested();
            Log.NoAnswer(logger, e.Status.Detail, watchdog.TotalSeconds);
            return false;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "The daemon does not answer itself ({Reason}); systemd restarts it when that lasts for {Seconds} s", EventName = "NoAnswer")]
        public static partial void NoAnswer(ILogger logger, string reason, double seconds);
    }
}
