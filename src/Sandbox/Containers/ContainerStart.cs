using Crisp.Linux;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Logs;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Streams;

namespace Crisp.Sandbox.Containers;

/// <summary>StartContainer: once. A container that cannot be started has ended, with exit code 128.</summary>
internal static class ContainerStart
{
    /// <param name="output">See <see cref="Container.Start"/>.</param>
    public static void Begin(NamespacePod pod, NamespaceContainer container, ClientStreams? output, Action done, Action<Exception> failed)
    {
        container.Operations.Run(end =>
        {
            pod.RequireNotEnding();
            container.Require(ContainerStatus.Created);
            var target = OpenTarget(pod, container.Spec);
            container.BeginStart();
            pod.Launches.Run(
                () => Launch(pod, container, target),
                launched =>
                {
                    Run(pod, container, launched, output);
                    RunHooks(pod, container, end.With(done));
                },
                error => ContainerExit.NeverStarted(pod, container, error.Message, end.With(() => Fail(error))));
        }, Fail);

        void Fail(Exception error)
        {
            output?.Close();
            failed(error);
        }
    }

    /// <summary>Its program runs: what a poststart hook fails at is told, and changes nothing (OCI runtime specification, "Lifecycle").</summary>
    private static void RunHooks(NamespacePod pod, NamespaceContainer container, Action done)
    {
        if (container.Spec.Hooks.All(h => h.Phase != HookPhase.Poststart))
        {
            done();
            return;
        }

        var (pid, process) = (container.Pid, container.Pidfd!.Duplicate());
        pod.Launches.Run(
            () =>
            {
                using (process)
                {
                    pod.Launcher.RunHooks(container.Spec, HookPhase.Poststart, pid, process);
                }
            },
            done,
            error =>
            {
                Diagnostics.Say($"The container {container.Id} was started: {error.Message}");
                done();
            });
    }

    /// <summary>The pidfd of the container whose PID namespace is joined, or null.</summary>
    private static FileDescriptor? OpenTarget(NamespacePod pod, ContainerSpec spec)
    {
        if (spec.Namespaces.Pid != PidNamespace.Target)
        {
            return null;
        }

        var target = pod.Containers.GetValueOrDefault(spec.Namespaces.TargetContainerId ?? "");
        return target?.Pidfd?.Duplicate() ?? throw new SandboxException(
            RpcCode.FailedPrecondition,
            $"The container {spec.Namespaces.TargetContainerId}, whose PID namespace {spec.Id} is to join, is not running.");
    }

    private static Launched Launch(NamespacePod pod, NamespaceContainer container, FileDescriptor? target)
    {
        var process = container.Spec.Process;
        ContainerCreation.RestoreCgroup(pod, container);

        // Without a log too: somebody may attach.
        var output = !process.Terminal;
        var pipes = StandardPipes.Create(process.Stdin && !process.Terminal, output, output, pod.NodeUid(container.User));
        try
        {
            var held = container.Descriptors;
            var launched = pod.Launcher.Launch(new ContainerLaunch(
                container.Spec, container.User, held.Rootfs, held.Mounts, pod.Namespaces!, target, container.Cgroup, pipes.Child));
            pod.Reaper.Expect(launched.Pid);
            pipes.CloseChild();
            held.CloseMounts();
            return new Launched(launched, Clock.Now(), pipes);
        }
        catch
        {
            pipes.Dispose();
            throw;
        }
        finally
        {
            target?.Dispose();
        }
    }

    private static void Run(NamespacePod pod, NamespaceContainer container, Launched launched, ClientStreams? output)
    {
        var (process, at, pipes) = launched;
        container.Started(process, at);
        container.Descriptors.Stdin = pipes.Stdin;
        pod.Reaper.Watch(process.Pid, process.Pidfd, exit => ContainerEnd.Begin(pod, container, exit));
        try
        {
            if (output is null)
            {
                container.Log = OpenLog(pod, container, pipes);
            }
            else
            {
                ExecStreaming.BeginOutput(pod.Loop, container.Terminal, pipes, output);
            }
        }
        catch (LinuxException e)
        {
            // No descriptors left, for example. A container that nobody listens to would stop at its first full pipe.
            Diagnostics.Say($"The container {container.Id} is killed, since its log cannot be carried: {e.Message}");
            Linux.Processes.PidfdSendSignal(process.Pidfd, Signals.Kill);
        }
    }

    private static LogPump? OpenLog(NamespacePod pod, NamespaceContainer container, StandardPipes pipes)
    {
        var writer = new LogWriter(container.Descriptors.TakeLogFile(), pod.LogBuffers);
        if (container.Terminal is { } terminal)
        {
            // Nobody reading a terminal stops whoever writes to it, so that one without a log is read too.
            Files.SetNonBlocking(terminal, true);
            return new LogPump(writer, new LogSource(terminal.Duplicate(), isTerminal: true, isStderr: false, pod.LogBuffers));
        }

        if (pipes.Stdout is not { } stdout || pipes.Stderr is not { } stderr)
        {
            return null;
        }

        return new LogPump(
            writer,
            new LogSource(stdout, isTerminal: false, isStderr: false, pod.LogBuffers),
            new LogSource(stderr, isTerminal: false, isStderr: true, pod.LogBuffers));
    }

    private sealed record Launched(LaunchedProcess Process, long At, StandardPipes Pipes);
}
