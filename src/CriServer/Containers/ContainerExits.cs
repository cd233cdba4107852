using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Containers;

/// <summary>From what the pod's process tells of an end to what CRI reports.</summary>
public static class ContainerExits
{
    // What every runtime reports for a container that could not be started.
    private const int StartFailureCode = 128;

    /// <summary>The record after the end. A container ends once: the first report stands.</summary>
    public static ContainerRecord Ended(ContainerRecord record, ContainerExit exit) => record.Stage == ContainerStage.Exited
        ? record
        : record with { Stage = ContainerStage.Exited, Pid = 0, Exit = exit };

    public static ContainerExit From(ExitInfo info, ContainerRecord record)
    {
        var reason = info.OomKilled ? ExitReason.OomKilled
            : record.StartedAt == 0 && info.Message.Length > 0 ? ExitReason.StartError
            : info.ExitCode == 0 ? ExitReason.Completed
            : ExitReason.Error;
        return new ContainerExit(info.ExitCode, info.FinishedAt > 0 ? info.FinishedAt : Node.Now(), reason, info.Message);
    }

    /// <param name="message">Of the pod's process: it names the step, the call and the path.</param>
    public static ContainerExit StartFailure(string message) => new(
        StartFailureCode,
        Node.Now(),
        message.Contains("execve", StringComparison.Ordinal) ? ExitReason.CannotRun : ExitReason.StartError,
        message);

    /// <summary>An end of which nobody wrote down the exit code.</summary>
    public static ContainerExit Unknown(ContainerRecord record, string reason, string message) => record.StartedAt == 0
        ? new ContainerExit(ExitReason.UnknownCode, Node.Now(), ExitReason.NeverStarted, message)
        : new ContainerExit(ExitReason.UnknownCode, Node.Now(), reason, message);
}
