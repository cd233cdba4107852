using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Streams;
using Google.Protobuf;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>
/// A pod that is a virtual machine. Of its namespaces only the network's is the node's; its containers are what process 1 of the
/// guest, which is this program again, makes of the specifications it gets. The guest may do whatever it likes: everything it
/// says is bounded and checked, and every call to it but Wait and Events has a deadline.
/// </summary>
internal sealed class VmPod : Pod
{
    // A machine that ends takes its connections with it, and knows better why.
    private static readonly TimeSpan _lastWords = TimeSpan.FromSeconds(1);
    private readonly CgroupFacts _cgroups;
    private readonly Action _lost;
    private readonly OperationQueue _boots = new();
    private readonly List<(Action Done, Action<Exception> Failed)> _ends = [];
    private PodNamespaces? _namespaces;
    private Exception? _bootFailure;
    private GuestBoot? _boot;
    private bool _machineStarted;
    private bool _isReleased;
    private Action? _whenMachineEnded;

    /// <param name="lost">Called when the machine has ended by itself, and every exit is written: the caller ends this process.</param>
    public VmPod(string id, string runDirectory, EventLoop loop, CgroupFacts cgroups, IGuestMachine machine, Action lost)
        : base(id, ExitFiles.OpenDetached(runDirectory), loop)
    {
        (_cgroups, Machine, _lost) = (cgroups, machine, lost);
        Launches = new Worker("launches", loop);
    }

    public IGuestMachine Machine { get; }

    /// <summary>For what starts: the machine, logs that are opened, exports that are added.</summary>
    public Worker Launches { get; }

    /// <summary>From Start on.</summary>
    public DiskTable Disks { get; private set; } = null!;

    public Dictionary<string, GuestContainer> Containers { get; } = [];

    public override IReadOnlyCollection<Container> All => Containers.Values;

    public override NamespaceInfo NamespaceInfo => new() { Network = PathOf(_namespaces?.Network) };

    /// <summary>Why the machine does not run any more, as a sentence; null while it runs or has not been started.</summary>
    public string? MachineEnd { get; private set; }

    public bool IsBooted => Guest is not null;

    /// <summary>Null before Boot, and closed after the machine's end.</summary>
    private GuestConnection? Guest { get; set; }

    public override Container? Find(string id) => Containers.GetValueOrDefault(id);

    public override void Boot(CallDeadline deadline, Action done, Action<Exception> failed)
        => _boots.Run(end =>
        {
            RequireStarted();
            if (_bootFailure is { } failure)
            {
                throw failure;
            }

            if (Guest is not null)
            {
                end.With(done)();
                return;
            }

            var fail = end.With<Exception>(error => BootFailed(error, failed));
            Machine.ConfineThread();
            Ends.Run(Machine.ConfineThread, () => Guarded(Start, fail), fail);

            void Start()
            {
                // Shutdown may have come meanwhile, which has waited for no machine.
                RequireStarted();
                StartMachine(deadline, end.With<GuestConnection>(guest => Booted(guest, done)), fail);
            }
        }, failed);

    public override void Create(ContainerSpec spec, FileDescriptor[] descriptors, CallDeadline deadline, Action<Container> done, Action<Exception> failed)
    {
        ContainerSpec rewritten;
        try
        {
            CheckNew(spec);
            RequireGuest();
            if (spec.Log is { HasDescriptor: false })
            {
                throw new SandboxException(RpcCode.InvalidArgument, $"The log directory of the container {spec.Id} must be sent: the monitor opens no path.");
            }

            ContainerCreation.CheckDescriptors(spec, descriptors.Length);
            rewritten = GuestSpec.For(spec, Id, index => GuestContainer.ExportName(spec.Id, index));
        }
        catch
        {
            Array.ForEach(descriptors, static d => d.Dispose());
            throw;
        }

        GuestCreation.Begin(this, spec, rewritten, descriptors, deadline, done, failed);
    }

    public override void Dial(ushort port, ClientStreams streams, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        RequireGuest();
        GuestPort.Dial(this, port, streams, deadline, done, failed);
    }

    public override void Stats(StatsRequest request, CallDeadline deadline, Action<StatsResponse> done, Action<Exception> failed)
    {
        if (request.Machine)
        {
            var exits = Machine.Exits.Select(e => new ExitCount { Reason = e.Key, Count = (ulong)e.Value });
            done(new StatsResponse { Machine = new MachineStats { Exits = { exits } } });
            return;
        }

        Call("Stats", request, StatsResponse.Parser, deadline, answer => done(StatsJson.Write(StatsJson.Read(answer))), failed);
    }

    public override void End(CallDeadline deadline, Action done, Action<Exception> failed)
    {
        IsEnding = true;
        if (_isReleased)
        {
            done();
            return;
        }

        _ends.Add((done, failed));
        if (_ends.Count == 1)
        {
            VmPodEnd.Begin(this, deadline, Released, error => Ended(end => end.Failed(error)));
        }
    }

    /// <summary>Calls the guest. One of the actions is called once; what they throw goes to <paramref name="failed"/>.</summary>
    public void Call<T>(string method, IMessage request, MessageParser<T> parser, CallDeadline? deadline, Action<T> done, Action<Exception> failed)
        where T : IMessage<T>
        => RequireGuest().Call(method, request, parser, deadline, answer => Guarded(() => done(answer), failed), failed);

    /// <exception cref="SandboxException">FAILED_PRECONDITION: not booted; UNAVAILABLE: no more.</exception>
    public GuestConnection RequireGuest() => Guest
        ?? throw new SandboxException(RpcCode.FailedPrecondition, $"The virtual machine of the pod {Id} has not been booted.");

    /// <summary>The guest has closed its connection or broken the protocol: without it nothing can be done with the machine.</summary>
    public void GuestLost(string why) => Loop.After(_lastWords, () => Machine.Stop(why));

    /// <summary>Ends the machine; <see cref="MachineEnd"/> tells when it has ended.</summary>
    public void StopMachine(string sentence)
    {
        if (_machineStarted)
        {
            Machine.Stop(sentence);
        }
        else
        {
            MachineEnd ??= sentence;
            TellMachineEnd();
        }
    }

    /// <summary>Calls the action when the machine does not run any more: at once when it does not now.</summary>
    public void WhenMachineEnded(Action action)
    {
        _whenMachineEnded += action;
        if (MachineEnd is not null)
        {
            TellMachineEnd();
        }
    }

    /// <summary>On the worker's thread: lets go of what the machine and its exports hold.</summary>
    public void Release()
    {
        Machine.Dispose();
        _namespaces?.Dispose();
    }

    protected override void Make(SandboxSpec spec, ByteString network, Action done, Action<Exception> failed)
    {
        GuestSpec.Check(spec);
        Disks = new DiskTable(Machine, spec.Vm!.DiskSlots);
        var own = spec with { IpcNamespace = false, UtsNamespace = false, SharedPidNamespace = false, Sysctls = new Dictionary<string, string>() };
        Launches.Run(
            () =>
            {
                // Closed again before the guest runs: it holds a procfs.
                using var launcher = new ProcessLauncher(_cgroups);
                return launcher.CreateNamespaces(own);
            },
            namespaces =>
            {
                _namespaces = namespaces;
                done();
            },
            failed);
    }

    private static void Guarded(Action action, Action<Exception> failed)
    {
        try
        {
            action();
        }
#pragma warning disable CA1031 // Whatever it is, whoever waits must hear of it.
        catch (Exception e)
        {
            failed(e);
        }
#pragma warning restore CA1031
    }

    private void StartMachine(CallDeadline deadline, Action<GuestConnection> booted, Action<Exception> failed)
        => Launches.Run(
            () => ByteString.CopyFrom(Machine.Start(Spec!.Vm!, _namespaces!.Network!, sentence => Loop.Post(() => MachineEnded(sentence)))),
            network =>
            {
                _machineStarted = true;
                _boot = GuestBoot.Begin(this, network, deadline, booted, failed);
                if (MachineEnd is { } reason)
                {
                    // It told so before this thread heard that it had been started.
                    _boot.Fail(new SandboxException(RpcCode.FailedPrecondition, reason));
                }
            },
            failed);

    private void Booted(GuestConnection guest, Action done)
    {
        Guest = guest;
        new GuestEvents(this).Follow();
        done();
    }

    private void BootFailed(Exception error, Action<Exception> failed)
    {
        var console = Machine.Console;
        var message = console.Length == 0 ? error.Message : $"{error.Message} The guest's console ends with: {GuestText.Clean(console)}";
        _bootFailure = new SandboxException(RpcCode.FailedPrecondition, $"The virtual machine of the pod {Id} did not boot: {message}", error);
        StopMachine("It did not boot.");
        failed(_bootFailure);
    }

    private void Released()
    {
        _isReleased = true;
        Ended(static end => end.Done());
    }

    private void Ended(Action<(Action Done, Action<Exception> Failed)> tell)
    {
        List<(Action Done, Action<Exception> Failed)> told = [.. _ends];
        _ends.Clear();
        told.ForEach(tell);
    }

    private void MachineEnded(string sentence)
    {
        MachineEnd = $"The pod's virtual machine ended: {sentence}";
        _boot?.Fail(new SandboxException(RpcCode.FailedPrecondition, MachineEnd));

        // Every container's end follows: whoever waits for one hears of this.
        Guest?.Close(MachineEnd);
        TellMachineEnd();
        if (Guest is not null && !IsEnding)
        {
            Diagnostics.Say(MachineEnd);
            End(CallDeadline.Usual, _lost, e =>
            {
                Diagnostics.Say(e.Message);
                _lost();
            });
        }
    }

    private void TellMachineEnd()
    {
        var told = _whenMachineEnded;
        _whenMachineEnded = null;
        told?.Invoke();
    }
}
