using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Containers;

/// <summary>
/// The end of a container's main process, in this order: the rest of its cgroup is killed, its log drained, its exit written
/// to disk; then whoever waits is told, and then the event is given.
/// </summary>
internal static class ContainerEnd
{
    private const int StartFailureCode = 128;

    // What lives longer waits in the kernel. The exit is told all the same, since it has happened.
    private static readonly TimeSpan _killPatience = TimeSpan.FromSeconds(10);

    // A full or dead disk keeps the log from being drained; its pump goes on trying until the container is deleted.
    private static readonly TimeSpan _drainPatience = TimeSpan.FromSeconds(5);

    public static void Begin(Pod pod, Container container, ProcessExit exit)
    {
        container.BeginEnd();
        var info = new ExitInfo { ExitCode = exit.ExitCode, Signal = exit.Signal, FinishedAt = Clock.Now() };
        if (container.OwnsPidNamespace)
        {
            // The kernel has killed everything in it before the main process could be waited for.
            Drain(pod, container, info);
            return;
        }

        CgroupEnd.Kill(
            pod,
            container.Cgroup,
            _killPatience,
            empty =>
            {
                if (!empty)
                {
                    Diagnostics.Say($"Processes of the container {container.Id} outlive SIGKILL: they wait in the kernel.");
                }

                Drain(pod, container, info);
            },
            error =>
            {
                Diagnostics.Say($"The rest of the container {container.Id} cannot be killed: {error.Message}");
                Drain(pod, container, info);
            });
    }

    /// <summary>A start that failed is the container's end too.</summary>
    public static void NeverStarted(Pod pod, Container container, string message, Action done)
    {
        container.WhenStopped(done);
        Write(pod, container, new ExitInfo { ExitCode = StartFailureCode, FinishedAt = Clock.Now(), Message = message });
    }

    private static void Drain(Pod pod, Container container, ExitInfo info)
    {
        if (container.Log is not { } log)
        {
            Write(pod, container, info);
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
                Write(pod, container, info);
            }
        }
    }

    private static void Write(Pod pod, Container container, ExitInfo info)
        => pod.Cgroups.Run(
            () =>
            {
                var killed = container.Cgroup.OomKillCount;

                // A container that went on and ended well was not ended by the OOM killer, whatever that took from it.
                info.OomKilled = killed > 0 && info.ExitCode != 0;
                pod.Exits.Write(container.Id, info);
                return killed;
            },
            killed =>
            {
                container.Oom?.Count(killed);
                Tell(pod, container, info);
            },
            error =>
            {
                // Whoever asks is told from memory; only the death of this process could still lose it.
                Diagnostics.Say($"The exit of the container {container.Id} cannot be written: {error.Message}");
                Tell(pod, container, info);
            });

    private static void Tell(Pod pod, Container container, ExitInfo info)
    {
        container.Oom?.Dispose();
        container.Oom = null;
        container.Stopped(info);
        pod.Close(container);
        container.Waiting.AnswerAll(new WaitResponse { Exit = info });
        pod.Events.ContainerExited(container.Id, info);
    }
}
