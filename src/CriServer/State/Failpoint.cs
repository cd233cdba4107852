using Crisp.Linux;

namespace Crisp.CriServer.State;

/// <summary>The moments between two durable steps: if the daemon dies there, a retry and a restart must put things right.</summary>
public enum FailpointName
{
    RecordWritten,
    RecordRenamed,
    RecordUnlinked,
    SandboxRecorded,
    SandboxFilesMade,
    SandboxProcessLaunched,
    SandboxProcessStarted,
    NetworkAddRecorded,
    NetworkPluginAdded,
    NetworkResultRecorded,
    SandboxNetworkJoined,
    SandboxBooted,
    SandboxReady,
    SandboxContainersStopped,
    SandboxNotReady,
    NetworkPluginDeleted,
    NetworkForgotten,
    SandboxProcessStopped,
    SandboxCleaned,
    SandboxContainersRemoved,
    SandboxRemoved,
    SandboxFilesRemoved,
    ContainerDirectoriesMade,
    ContainerMountsOpened,
    ContainerCreated,
    ContainerRecorded,
    ContainerStarted,
    ContainerRunning,
    ContainerSignalled,
    ContainerExited,
    ContainerUpdated,
    ContainerUpdateRecorded,
    ContainerDeleted,
    ContainerRemoved,
}

/// <summary>
/// Kills this process with SIGKILL at a chosen moment. The environment chooses: CRISP_FAILPOINT=NAME or NAME:N for the N-th
/// time. Without it a hit costs one comparison.
/// </summary>
public static class Failpoint
{
    private static readonly FailpointName? _name = Parse(Environment.GetEnvironmentVariable("CRISP_FAILPOINT"), out _hits);
    private static int _hits;

    public static void Hit(FailpointName name)
    {
        if (_name == name && Interlocked.Decrement(ref _hits) == 0)
        {
            Processes.Kill(Environment.ProcessId, Signals.Kill);
        }
    }

    private static FailpointName? Parse(string? text, out int hits)
    {
        hits = 0;
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        var parts = text.Split(':');
        hits = parts.Length > 1 ? int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) : 1;
        return Enum.Parse<FailpointName>(parts[0]);
    }
}
