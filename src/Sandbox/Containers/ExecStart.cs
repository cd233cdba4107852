using Crisp.Linux;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Streams;

namespace Crisp.Sandbox.Containers;

/// <summary>Exec: one more process in a running container.</summary>
internal static class ExecStart
{
    /// <param name="streams">Closed on failure.</param>
    public static void Begin(
        NamespacePod pod, NamespaceContainer container, string id, ProcessSpec process, ClientStreams streams, Action<Exec> done, Action<Exception> failed)
    {
        container.Operations.Run(
            end =>
            {
                pod.RequireNotEnding();
                container.Require(ContainerStatus.Running);
                var exec = container.Execs.Add(id);

                // Copies: the container may end meanwhile, and a number that was closed could be another file's.
                var pidfd = container.Pidfd!.Duplicate();
                var rootfs = container.Descriptors.Rootfs.Duplicate();
                pod.Launches.Run(
                    () => Launch(pod, container, process, streams, pidfd, rootfs),
                    end.With<Launched>(launched =>
                    {
                        Run(pod, container, exec, launched, streams);
                        done(exec);
                    }),
                    end.With<Exception>(error =>
                    {
                        container.Execs.NeverRan(exec, error);
                        Fail(error);
                    }));
            },
            Fail);

        void Fail(Exception error)
        {
            streams.Close();
            failed(error);
        }
    }

    private static Launched Launch(
        NamespacePod pod, NamespaceContainer container, ProcessSpec process, ClientStreams streams, FileDescriptor pidfd, FileDescriptor rootfs)
    {
        using var pidfdCopy = pidfd;
        using var rootfsCopy = rootfs;
        var user = UserResolver.Resolve(rootfs, process.User);
        var piped = !process.Terminal;
        var pipes = StandardPipes.Create(
            piped && streams.Stdin is not null, piped && streams.Stdout is not null, piped && streams.Stderr is not null, pod.NodeUid(user));
        try
        {
            var launched = pod.Launcher.Launch(new ExecLaunch(process, user, pidfd, pod.Namespaces!, container.Cgroup, pipes.Child));
            pod.Reaper.Expect(launched.Pid);
            pipes.CloseChild();
            return new Launched(launched, pipes);
        }
        catch
        {
            pipes.Dispose();
            throw;
        }
    }

    private static void Run(NamespacePod pod, NamespaceContainer container, Exec exec, Launched launched, ClientStreams streams)
    {
        var (process, pipes) = launched;
        (exec.Pid, exec.Pidfd, exec.Terminal) = (process.Pid, process.Pidfd, process.Terminal);
        ExecStreaming.Begin(pod.Loop, exec, pipes, streams);
        pod.Reaper.Watch(process.Pid, process.Pidfd, exit =>
        {
            var info = new ExitInfo { ExitCode = exit.ExitCode, Signal = exit.Signal, FinishedAt = Clock.Now() };
            container.Execs.Ended(exec, info);
            if (!container.IsDeleted)
            {
                pod.Events.ExecExited(container.Id, exec.Id, info);
            }
        });
    }

    private sealed record Launched(LaunchedProcess Process, StandardPipes Pipes);
}
