using Crisp.Cgroups;
using Crisp.Cgroups.Polling;
using Crisp.Linux;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Streams;
using Crisp.Sandbox.Vm.Guest;
using Crisp.Sandbox.Vm.Network;
using Google.Protobuf;

namespace Crisp.Sandbox.Containers;

/// <summary>A pod whose containers are namespaces and cgroups of the kernel that this process runs on.</summary>
internal sealed class NamespacePod : Pod
{
    private static readonly TimeSpan _removePatience = TimeSpan.FromSeconds(1);
    private FileDescriptor? _pidOnePidfd;
    private PolledCgroups? _polledCgroups;

    /// <param name="guestMounts">Null unless this kernel is a pod's own, in a virtual machine.</param>
    public NamespacePod(
        string id, string runDirectory, EventLoop loop, ICgroupManager cgroups, ProcessLauncher launcher, GuestMounts? guestMounts = null)
        : base(id, ExitFiles.Open(runDirectory), loop)
    {
        GuestMounts = guestMounts;
        CgroupManager = cgroups;
        Launcher = launcher;
        Launches = new Worker("launches", loop);
        Reaper = new Reaper(loop, Launches);
    }

    /// <summary>
    /// For what starts: resolving users, making cgroups, launching. A launch that hangs, in a hook or on a dead filesystem,
    /// holds up other launches until its deadline, and nothing else.
    /// </summary>
    public Worker Launches { get; }

    public Reaper Reaper { get; }

    public ICgroupManager CgroupManager { get; }

    public ProcessLauncher Launcher { get; }

    /// <summary>What the daemon polls through this process when this kernel is the pod's own; elsewhere it reads cgroups itself.</summary>
    public PolledCgroups PolledCgroups => _polledCgroups ??= new PolledCgroups(CgroupManager, new LoopTimeProvider(Loop));

    /// <summary>Null unless this kernel is the pod's own.</summary>
    public GuestMounts? GuestMounts { get; }

    public Dictionary<string, NamespaceContainer> Containers { get; } = [];

    public override IReadOnlyCollection<Container> All => Containers.Values;

    public PodNamespaces? Namespaces { get; private set; }

    public ICgroup? Cgroup { get; private set; }

    public override NamespaceInfo NamespaceInfo => new()
    {
        User = PathOf(Namespaces?.User),
        Network = PathOf(Namespaces?.Network),
        Ipc = PathOf(Namespaces?.Ipc),
        Uts = PathOf(Namespaces?.Uts),
        Pid = PathOf(Namespaces?.Pid),
    };

    public override Container? Find(string id) => Containers.GetValueOrDefault(id);

    public override void Create(ContainerSpec spec, FileDescriptor[] descriptors, CallDeadline deadline, Action<Container> done, Action<Exception> failed)
    {
        try
        {
            CheckNew(spec);
            ContainerCreation.Check(this, spec, descriptors.Length);
        }
        catch
        {
            Array.ForEach(descriptors, static d => d.Dispose());
            throw;
        }

        ContainerCreation.Begin(this, spec, descriptors, done, failed);
    }

    public override void Dial(ushort port, ClientStreams streams, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        RequireStarted();
        if (GuestMounts is null)
        {
            throw new SandboxException(RpcCode.FailedPrecondition, "The pod's network is of this kernel: dial it from its network namespace.");
        }

        PortConnection.Begin(Loop, port, streams, deadline, done, failed);
    }

    public override void Stats(StatsRequest request, CallDeadline deadline, Action<StatsResponse> done, Action<Exception> failed)
        => NamespaceContainer.ReadStats(this, Spec!.CgroupPath, 0, request, done, failed);

    public override void End(CallDeadline deadline, Action done, Action<Exception> failed)
    {
        IsEnding = true;
        PodEnd.Begin(this, done, failed);
    }

    /// <summary>A user as the node has it; one that the pod's maps leave out is refused by the launch.</summary>
    public uint NodeUid(ResolvedUser user) => IdMap.ToNode(Namespaces!.UidMappings, user.Uid) ?? 0;

    /// <summary>
    /// Closes a container's descriptors, on the worker: the last one of an overlay unmounts it, and that writes the filesystem
    /// below it to its disk. A removal of the container that follows is done after it.
    /// </summary>
    public void Close(NamespaceContainer container)
        => Ends.Run(container.Descriptors.Dispose, static () => { }, e => Diagnostics.Say($"Closing {container.Id}: {e.Message}"));

    /// <summary>Ends PID 1 of the shared namespace, and lets go of all of them.</summary>
    public void CloseNamespaces()
    {
        if (_pidOnePidfd is { } pidfd)
        {
            Linux.Processes.PidfdSendSignal(pidfd, Signals.Kill);
        }

        Namespaces?.Dispose();
    }

    protected override void Make(SandboxSpec spec, ByteString network, Action done, Action<Exception> failed)
    {
        if (spec.Vm is not null)
        {
            throw new SandboxException(RpcCode.FailedPrecondition, $"The process of the pod {Id} was not started as a virtual machine's monitor.");
        }

        if (!network.IsEmpty && GuestMounts is null)
        {
            throw new SandboxException(RpcCode.InvalidArgument, "Only a virtual machine is told of its network.");
        }

        Launches.Run(
            () =>
            {
                if (!network.IsEmpty)
                {
                    using var socket = RouteSocket.OpenOwn();
                    GuestNetworkSetup.Apply(GuestNetwork.Parse(network.Span), socket);
                }

                return MakeNamespaces(spec);
            },
            made =>
            {
                Adopt(made);
                done();
            },
            failed);
    }

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

    private void Adopt(Made made)
    {
        (Cgroup, Namespaces, _pidOnePidfd) = (made.Cgroup, made.Namespaces, made.PidOne);
        if (made.PidOne is { } pidfd)
        {
            Reaper.Watch(made.Namespaces.ReaperPid, pidfd, exit => PidOneEnded(exit, pidfd));
        }
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
