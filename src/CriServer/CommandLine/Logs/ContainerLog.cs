using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine.Logs;

/// <summary>A container's log as CRI names it, read by itself: no daemon stands between, and none needs to run.</summary>
internal static class ContainerLog
{
    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(200);

    /// <summary>Prints until the container has ended and all that it wrote is printed.</summary>
    /// <param name="tail">Begin with so many last lines; null for the log's beginning.</param>
    public static async Task FollowAsync(DaemonClient daemon, ContainerStatus status, LogPrinter printer, int? tail, CancellationToken cancellation)
    {
        using var follower = new LogFollower(status.LogPath, token => HasEndedAsync(daemon, status.Id, token), _interval);
        if (tail is not null)
        {
            follower.SeekTail(tail.Value);
        }

        await follower.RunAsync(new LineSplitter(printer.Print), printer.Flush, cancellation);
    }

    private static async Task<bool> HasEndedAsync(DaemonClient daemon, string id, CancellationToken cancellation)
    {
        try
        {
            var status = await daemon.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = id }, cancellationToken: cancellation);
            return status.Status.State == ContainerState.ContainerExited;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return true;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
        {
            // A daemon that restarts; the container and its log live on meanwhile.
            return false;
        }
    }
}
