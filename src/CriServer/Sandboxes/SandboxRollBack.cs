using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Network;

namespace Crisp.CriServer.Sandboxes;

/// <summary>Takes apart a pod that never became one. Its record stays in Creating, invisible to callers, until that has worked.</summary>
internal static partial class SandboxRollBack
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _longestPause = TimeSpan.FromMinutes(5);

    /// <summary>Tries at once, and when that fails again and again in the background: nobody else knows of this pod.</summary>
    /// <returns>Whether it is gone.</returns>
    public static async Task<bool> RunAsync(Node node, LiveSandbox sandbox)
    {
        if (await TryAsync(node, sandbox))
        {
            return true;
        }

        _ = RepeatAsync(node, sandbox);
        return false;
    }

    private static async Task RepeatAsync(Node node, LiveSandbox sandbox)
    {
        for (var pause = _firstPause; ; pause = pause * 2 < _longestPause ? pause * 2 : _longestPause)
        {
            await Task.Delay(pause);
            if (node.IsDisposed || await TryAsync(node, sandbox))
            {
                return;
            }
        }
    }

    private static async Task<bool> TryAsync(Node node, LiveSandbox sandbox)
    {
        try
        {
            await SandboxCleanup.RemoveAllAsync(node, sandbox);
            return true;
        }
        catch (Exception e) when (e is Linux.LinuxException or IOException or CniException)
        {
            Log.Failed(node.Logger, sandbox.Id, e.Message);
            return false;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2, LogLevel.Error, "The pod {Id} could not be taken apart whole, which is tried again: {Reason}", EventName = "RollBackFailed")]
        public static partial void Failed(ILogger logger, string id, string reason);
    }
}
