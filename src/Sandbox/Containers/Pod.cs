using System.Text.Json;
using Crisp.Linux;
using Crisp.Sandbox.Events;
using Crisp.Sandbox.Logs;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Streams;
using Google.Protobuf;

namespace Crisp.Sandbox.Containers;

/// <summary>
/// The pod that this process is for. Changed on the loop's thread alone. There are two kinds, which differ in this class and in
/// <see cref="Container"/>: <see cref="NamespacePod"/>, whose processes this process starts itself, and VmPod, whose processes
/// run in a virtual machine. Each operation ends with one of its two actions, on the loop's thread.
/// </summary>
internal abstract class Pod
{
    private readonly OperationQueue _operations = new();
    private byte[] _specJson = [];

    protected Pod(string id, ExitFiles exits, EventLoop loop)
    {
        Id = id;
        Loop = loop;
        Ends = new Worker("ends", loop);
        Exits = exits;
    }

    public string Id { get; }

    public EventLoop Loop { get; }

    /// <summary>For what limits, stops and ends: cgroup files, exits on disk, closing what may be the last of a mount.</summary>
    public Worker Ends { get; }

    public ExitFiles Exits { get; }

    public EventLog Events { get; } = new();

    public LogBuffers LogBuffers { get; } = new();

    /// <summary>Names of containers that are being created.</summary>
    public HashSet<string> Creating { get; } = [];

    public SandboxSpec? Spec { get; private set; }

    public bool IsStarted => Spec is not null;

    /// <summary>Shutdown has begun: nothing new is started.</summary>
    public bool IsEnding { get; protected set; }

    public abstract NamespaceInfo NamespaceInfo { get; }

    public abstract IReadOnlyCollection<Container> All { get; }

    public abstract Container? Find(string id);

    /// <summary>Makes the pod's namespaces. Repeating it with the same specification changes nothing.</summary>
    /// <param name="network">What a guest's network interface is to have, as JSON; empty without one.</param>
    public void Start(SandboxSpec spec, ByteString network, Action done, Action<Exception> failed)
    {
        // Written anew, so that two spellings of the same specification are the same.
        var json = JsonSerializer.SerializeToUtf8Bytes(spec, SpecJson.Default.SandboxSpec);
        _operations.Run(end =>
        {
            RequireNotEnding();
            if (!IsStarted)
            {
                Make(
                    spec,
                    network,
                    end.With(() =>
                    {
                        (Spec, _specJson) = (spec, json);
                        done();
                    }),
                    end.With(failed));
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

    /// <summary>Starts the pod's virtual machine. Repeating it waits for the first time and changes nothing.</summary>
    public virtual void Boot(CallDeadline deadline, Action done, Action<Exception> failed)
        => throw new SandboxException(RpcCode.FailedPrecondition, "The pod is no virtual machine, so that there is nothing to boot.");

    /// <param name="descriptors">In the order of <see cref="ContainerSpec"/>; the pod's to close, also when this throws.</param>
    public abstract void Create(ContainerSpec spec, FileDescriptor[] descriptors, CallDeadline deadline, Action<Container> done, Action<Exception> failed);

    /// <summary>Connects to a TCP port of the pod's own loopback.</summary>
    /// <param name="streams">Input and output; closed at the connection's end, or on failure, but not when this throws.</param>
    public abstract void Dial(ushort port, ClientStreams streams, CallDeadline deadline, Action done, Action<Exception> failed);

    /// <summary>All containers together.</summary>
    public abstract void Stats(StatsRequest request, CallDeadline deadline, Action<StatsResponse> done, Action<Exception> failed);

    /// <summary>Shutdown: every process of the pod is killed, the exits are written, nothing of it is left.</summary>
    /// <param name="done">The caller ends this process.</param>
    /// <param name="failed">Something is left, and the process stays to be asked again.</param>
    public abstract void End(CallDeadline deadline, Action done, Action<Exception> failed);

    /// <exception cref="SandboxException">FAILED_PRECONDITION: no namespaces yet; UNAVAILABLE: no more.</exception>
    public void RequireStarted()
    {
        RequireNotEnding();
        if (!IsStarted)
        {
            throw new SandboxException(RpcCode.FailedPrecondition, $"The pod {Id} has not been started.");
        }
    }

    public void RequireNotEnding()
    {
        if (IsEnding)
        {
            throw new SandboxException(RpcCode.Unavailable, "The pod is being shut down.");
        }
    }

    /// <exception cref="SandboxException">The id is no id, or taken; or there is no pod to create containers in.</exception>
    protected void CheckNew(ContainerSpec spec)
    {
        RequireStarted();
        if (!IsId(spec.Id))
        {
            throw new SandboxException(RpcCode.InvalidArgument, $"The container id \"{spec.Id}\" is not 64 lower-case hexadecimal digits.");
        }

        if (Find(spec.Id) is not null || Creating.Contains(spec.Id))
        {
            throw new SandboxException(RpcCode.AlreadyExists, $"There is a container {spec.Id} already.");
        }
    }

    /// <summary>The part of <see cref="Start"/> in which the kinds differ.</summary>
    protected abstract void Make(SandboxSpec spec, ByteString network, Action done, Action<Exception> failed);

    protected static string PathOf(FileDescriptor? file) => file is null ? "" : $"/proc/{Environment.ProcessId}/fd/{file.Number}";

    private static bool IsId(string id)
    {
        const int Length = 64;
        foreach (var c in id)
        {
            if (!char.IsAsciiHexDigitLower(c))
            {
                return false;
            }
        }

        return id.Length == Length;
    }
}
