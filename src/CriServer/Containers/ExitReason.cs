namespace Crisp.CriServer.Containers;

/// <summary>ContainerStatus.reason: one CamelCase word.</summary>
public static class ExitReason
{
    public const string Completed = "Completed";

    public const string Error = "Error";

    /// <summary>CRI: must be this word when the cgroup's OOM killer ended the container.</summary>
    public const string OomKilled = "OOMKilled";

    /// <summary>The entrypoint could not be executed.</summary>
    public const string CannotRun = "ContainerCannotRun";

    /// <summary>The container could not be set up.</summary>
    public const string StartError = "StartError";

    /// <summary>The pod was stopped before the container was started.</summary>
    public const string NeverStarted = "NeverStarted";

    /// <summary>The pod's process ended, and left no exit code.</summary>
    public const string SandboxDied = "SandboxDied";

    /// <summary>The node was rebooted, and left no exit code.</summary>
    public const string NodeRebooted = "NodeRebooted";

    /// <summary>The exit code that stands for an unknown one.</summary>
    public const int UnknownCode = 255;
}
