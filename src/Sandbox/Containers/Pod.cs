using System.Text.Json;
using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Events;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Logs;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Containers;

/// <summary>The pod that this process is for. Changed on the loop's thread alone.</summary>
internal sealed class Pod
{
    private static readonly TimeSpan _removePatience = TimeSpan.FromSeconds(1);
    private readonly OperationQueue _operations = new();
    private byte[] _specJson = [];
    private FileDescriptor? _pidOnePidfd;

    public Pod(string id, string runDirectory, EventLoop loop, ICgroupManager cgroups, ProcessLauncher launcher)
    {
        Id = id;
        Loop = loop;
        CgroupManager = cgroups;
        Launcher = launcher;
        Launches = new Worker("launches", loop);
        Cgroups = new Worker("cgroups", loop);
        Reaper = new Reaper(loop, Launches);
        Exits = new ExitFiles(runDirectory);
    }

    public string Id { get; }

    public EventLoop Loop { get; }

    /// <summary>
    /// For what starts: resolving users, making cgroups, launching. A launch that hangs, in a hook or on a dead filesystem,
    /// holds up other launches until its deadline, and nothing else.
    /// </summary>
    public Worker Launches { get; }

    /// <summary>For what limits, stops and ends: cgroup files, exits on disk, closing what may be the last of a mount.</summary>
    public Worker Cgroups { get; }

    public Reaper Reaper { get; }

    public ICgroupManager CgroupManager { get; }

    public ProcessLauncher Launcher { get; }

    public ExitFiles Exits { get; }

    public EventLog Events { get; } = new();

    public LogBuffers LogBuffers { get; } = new();

    public Dictionary<string, Container> Containers { get; } = [];

    /// <summary>Names of containers that are being created.</summary>
    public HashSet<string> Creating { get; } = [];

    public SandboxSpec? Spec { get; private set; }

    public PodNamespaces? Namespaces { get; private set; }

    public ICgroup? Cgroup { get; private set; }

    public bool IsStarted => Namespaces is not null;

    /// <summary>Shutdown has begun: nothing new is started.</summary>
    public bool IsEnding { get; set; }

    public NamespaceInfo NamespaceInfo => new()
    {
        User = PathOf(Namespaces?.User),
        Network = PathOf(Namespaces?.Network),
        Ipc = PathOf(Namespaces?.Ipc),
        Uts = PathOf(Namespaces?.Uts),
        Pid = PathOf(Namespaces?.Pid),
    };

    /// <summary>Makes the pod's cgroup and namespaces. Repeating it with the same specification changes nothing.</summary>
    public void Start(SandboxSpec spec, Action done, Action<Exception> failed)
    {
        // Written anew, so that two spellings of the same specification are the same.
        var json = JsonSerializer.SerializeToUtf8Bytes(spec, SpecJson.Default.SandboxSpec);
        _operations.Run(end =>
        {
            RequireNotEnding();
            if (!IsStarted)
            {
                Launches.Run(() => MakeNamespaces(spec), end.With<Made>(made => Started(spec, json, made, done)), end.With(failed));
                return;
            }

            end.With(() =>
            {
                if (!json.AsSpan().SequenceEqual(_specJson))
                {
                    throw new SandboxException(RpcCode.FailedPrecondition, $"The pod {Id} has been started with another specification.");
                }

                done();
            })();
        }, failed);
    }

    /// <exception cref="SandboxException">FAILED_PRECONDITION: no namespaces yet; UNAVAILABLE: no more.</exception>
    public PodNamespaces RequireStarted()
    {
        RequireNotEnding();
        return Namespaces ?? throw new SandboxException(RpcCode.FailedPrecondition, $"The pod {Id} has not been started.");
    }

    public void RequireNotEnding()
    {
        if (IsEnding)
        {
            throw new SandboxException(RpcCode.Unavailable, "The pod is being shut down.");
        }
    }

    /// <summary>A user as the node has it; one that the pod's maps leave out is refused by the launch.</summary>
    public uint NodeUid(ResolvedUser user) => IdMap.ToNode(Namespaces!.UidMappings, user.Uid) ?? 0;

    /// <summary>
    /// Closes a container's descriptors, on the worker: the last one of an overlay unmounts it, and that writes the filesystem
    /// below it to its disk. A removal of the container that follows is done after it.
    /// </summary>
    public void Close(Container container)
        => Cgroups.Run(container.Descriptors.Dispose, static () => { }, e => Diagnostics.Say($"Closing {container.Id}: {e.Message}"));

    /// <summary>Ends PID 1 of the shared namespace, and lets go of all of them.</summary>
    public void CloseNamespaces()
    {
        if (_pidOnePidfd is { } pidfd)
        {
            Linux.Processes.PidfdSendSignal(pidfd, Signals.Kill);
        }

        Namespaces?.Dispose();
    }

    private static string PathOf(FileDescriptor? file) => file is null ? "" : $"/proc/{Environment.ProcessId}/fd/{file.Number}";

    private Made MakeNamespaces(SandboxSpec spec)
    {
        var cgroup = CgroupManager.Create(CgroupPath.Parse(spec.CgroupPath));
        try
        {
            var namespaces = Launcher.CreateNamespaces(spec);
            if (namespaces.ReaperPid == 0)
            {
                return new Made(cgroup, namespaces, null);
            }

            Reaper.Expect(namespaces.ReaperPid);
            return new Made(cgroup, namespaces, Linux.Processes.PidfdOpen(namespaces.ReaperPid));
        }
        catch
        {
            cgroup.Remove(_removePatience);
            throw;
        }
    }

    private void Started(SandboxSpec spec, byte[] json, Made made, Action done)
    {
        (Spec, _specJson, Cgroup, Namespaces, _pidOnePidfd) = (spec, json, made.Cgroup, made.Namespaces, made.PidOne);
        if (made.PidOne is { } pidfd)
        {
            Reaper.Watch(made.Namespaces.ReaperPid, pidfd, exit => PidOneEnded(exit, pidfd));
        }

        done();
    }

    private void PidOneEnded(ProcessExit exit, FileDescriptor pidfd)
    {
        pidfd.Dispose();
        _pidOnePidfd = null;
        if (!IsEnding)
        {
            Diagnostics.Say($"PID 1 of the pod's PID namespace ended ({exit.ExitCode}), and all containers in it with it.");
        }
    }

    private sealed record Made(ICgroup Cgroup, PodNamespaces Namespaces, FileDescriptor? PidOne);
}
