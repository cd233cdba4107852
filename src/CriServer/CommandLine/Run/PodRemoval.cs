using Crisp.Cri.V1;

namespace Crisp.CriServer.CommandLine.Run;

/// <summary>Takes a pod of <c>crisp run</c> away, with its logs: nobody else owns them.</summary>
internal static class PodRemoval
{
    /// <param name="logDirectory">Null or empty when the logs are somebody else's.</param>
    public static async Task RunAsync(DaemonClient daemon, string podId, string? logDirectory)
    {
        await daemon.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = podId });
        await daemon.Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = podId });
        if (!string.IsNullOrEmpty(logDirectory) && Directory.Exists(logDirectory))
        {
            Directory.Delete(logDirectory, recursive: true);
        }
    }
}
