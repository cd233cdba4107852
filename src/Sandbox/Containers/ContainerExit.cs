using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Containers;

/// <summary>
/// What follows a container's last process, in this order: its log is drained, its poststop hooks run, its exit is written to disk; then
/// whoever waits is told, and then the event is given.
/// </summary>
internal static class ContainerExit
{
    private const int StartFailureCode = 128;

    // A full or dead disk keeps the log from being drained; its pump goes on trying until the container is deleted.
    private static readonly TimeSpan _drainPatience = TimeSpan.FromSeconds(5);

    public static void Begin(Pod pod, Container container, ExitInfo info)
    {
        if (container.Log is not { } log)
        {
            container.BeforeExit(() => Write(pod, container, info));
            return;
        }

        var written = false;
        var patience = pod.Loop.After(_drainPatience, Go);
        log.Drain(() => pod.Loop.Post(() =>
        {
            patience.Cancel();
            Go();
        }));

        void Go()
        {
            if (!written)
            {
                written = true;
                container.BeforeExit(() => Write(pod, container, info));
            }
        }
    }

    /// <summary>A start that failed is the container's end too.</summary>
    public static void NeverStarted(Pod pod, Container container, string message, Action done)
    {
        container.WhenStopped(done);
        var info = new ExitInfo { ExitCode = StartFailureCode, FinishedAt = Clock.Now(), Message = message };
        container.BeforeExit(() => Write(pod, container, info));
    }

    private static void Write(Pod pod, Container container, ExitInfo info)
        => pod.Ends.Run(
            () =>
            {
                container.Complete(info);
                pod.Exits.Write(container.Id, info);
            },
            () => Tell(pod, container, info),
            error =>
            {
                // Whoever asks is told from memory; only the death of this process could still lose it.
                Diagnostics.Say($"The exit of the container {container.Id} cannot be written: {error.Message}");
                Tell(pod, container, info);
            });

    private static void Tell(Pod pod, Container container, ExitInfo info)
    {
        container.Stopped(info);
        container.Waiting.AnswerAll(new WaitResponse { Exit = info });
        pod.Events.ContainerExited(container.Id, info);
    }
}
