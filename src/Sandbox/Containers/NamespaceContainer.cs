using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Streams;

namespace Crisp.Sandbox.Containers;

/// <summary>A container whose processes are children of this process, in a cgroup that this process made.</summary>
internal sealed class NamespaceContainer(
    NamespacePod pod, ContainerSpec spec, ResolvedUser user, ICgroup cgroup, ContainerDescriptors descriptors) : Container(spec, user)
{
    // Shorter than the client's deadline. Freezing waits for what is within the kernel to come out.
    private static readonly TimeSpan _freezePatience = TimeSpan.FromSeconds(3);
    private ulong _oomKills;

    public ICgroup Cgroup { get; } = cgroup;

    public ContainerDescriptors Descriptors { get; } = descriptors;

    /// <summary>Of the main process while it runs.</summary>
    public FileDescriptor? Pidfd { get; private set; }

    /// <summary>The master of its terminal while it runs.</summary>
    public FileDescriptor? Terminal { get; private set; }

    /// <summary>Clients whose input goes to the main process.</summary>
    public List<AttachedInput> Inputs { get; } = [];

    public OomEvents? Oom { get; set; }

    /// <summary>Whether the end of the main process ends every other process: it is PID 1 of a namespace of its own.</summary>
    public bool OwnsPidNamespace => Spec.Namespaces.Pid == PidNamespace.Container;

    public override void Start(ClientStreams? output, CallDeadline deadline, Action done, Action<Exception> failed)
        => ContainerStart.Begin(pod, this, output, done, failed);

    public override void Delete(CallDeadline deadline, Action done, Action<Exception> failed) => ContainerDeletion.Begin(pod, this, done, failed);

    public override void Exec(string id, ProcessSpec process, ClientStreams streams, CallDeadline deadline, Action<Exec> done, Action<Exception> failed)
        => ExecStart.Begin(pod, this, id, process, streams, done, failed);

    public override void Attach(ClientStreams streams, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        Attachment.Begin(pod.Loop, this, streams);
        done();
    }

    public override void Signal(Exec? exec, int signal, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        if ((exec is null ? Pidfd : exec.Pidfd) is { } pidfd)
        {
            Linux.Processes.PidfdSendSignal(pidfd, signal);
        }

        done();
    }

    public override void KillAll(CallDeadline deadline, Action done, Action<Exception> failed) => ContainerDeletion.KillAll(pod, this, done, failed);

    public override void Resize(Exec? exec, ushort width, ushort height, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        var terminal = exec is null ? Terminal : exec.Terminal;
        Terminals.Resize(terminal ?? throw new SandboxException(RpcCode.FailedPrecondition, "The process has no terminal, or has ended."), width, height);
        done();
    }

    public override void Update(ResourcesSpec resources, CallDeadline deadline, Action done, Action<Exception> failed)
        => Operations.Run(end =>
        {
            RequireNotEnded();
            var limits = ContainerLimits.From(resources);
            pod.Ends.Run(() => Cgroup.Apply(limits), end.With(done), end.With(failed));
        }, failed);

    public override void Pause(CallDeadline deadline, Action done, Action<Exception> failed)
        => Operations.Run(end =>
        {
            Require(ContainerStatus.Running);
            pod.Ends.Run(
                () => Cgroup.Freeze(_freezePatience),
                end.With(() =>
                {
                    Move(ContainerStatus.Running, ContainerStatus.Paused);
                    done();
                }),
                end.With(failed));
        }, failed);

    public override void Resume(CallDeadline deadline, Action done, Action<Exception> failed)
        => Operations.Run(end =>
        {
            Require(ContainerStatus.Paused);
            pod.Ends.Run(
                Cgroup.Thaw,
                end.With(() =>
                {
                    Move(ContainerStatus.Paused, ContainerStatus.Running);
                    done();
                }),
                end.With(failed));
        }, failed);

    public override void Stats(StatsRequest request, CallDeadline deadline, Action<StatsResponse> done, Action<Exception> failed)
        => ReadStats(pod, Spec.CgroupPath, Pid, request, done, failed);

    /// <param name="mainPid">Whose limits are told; 0 for none.</param>
    public static void ReadStats(
        NamespacePod pod, string cgroupPath, int mainPid, StatsRequest request, Action<StatsResponse> done, Action<Exception> failed)
    {
        var polled = pod.PolledCgroups;
        pod.Ends.Run(
            () =>
            {
                var cgroup = polled.Get(cgroupPath);
                return StatsJson.Write(new SandboxStats(
                    cgroup.Stats((StatsParts)request.Parts & StatsParts.All),
                    request.Limits ? cgroup.ReadLimits(LimitParts.CpuAndMemory) : null,
                    request.Processes ? ProcessCounter.Count(cgroup, mainPid) : null));
            },
            done,
            failed);
    }

    public void Started(LaunchedProcess process, long at)
    {
        Started(process.Pid, at);
        (Pidfd, Terminal) = (process.Pidfd, process.Terminal);
    }

    public override void BeginEnd()
    {
        base.BeginEnd();
        Pidfd?.Dispose();
        Pidfd = null;
    }

    /// <summary>Runs the poststop hooks. It has ended, and nobody would be helped if it had not: what fails is only told.</summary>
    public override void BeforeExit(Action done)
    {
        if (Spec.Hooks.All(h => h.Phase != HookPhase.Poststop))
        {
            done();
            return;
        }

        pod.Launches.Run(() => pod.Launcher.RunHooks(Spec, HookPhase.Poststop, 0, null), done, error =>
        {
            Diagnostics.Say($"The container {Id} has ended: {error.Message}");
            done();
        });
    }

    public override void Complete(ExitInfo exit)
    {
        _oomKills = Cgroup.OomKillCount;

        // A container that went on and ended well was not ended by the OOM killer, whatever that took from it.
        exit.OomKilled = _oomKills > 0 && exit.ExitCode != 0;
    }

    public override void Stopped(ExitInfo exit)
    {
        Oom?.Count(_oomKills);
        Oom?.Dispose();
        Oom = null;
        Terminal?.Dispose();
        Terminal = null;
        pod.Close(this);
        base.Stopped(exit);
    }
}
