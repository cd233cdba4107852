using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Logs;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Streams;

namespace Crisp.Sandbox.Containers;

/// <summary>
/// <code>
/// Created ──► Starting ──► Running ◄──► Paused
///    │           │            │            │
///    │           ▼            ▼            │
///    │        Stopped ◄──── Ending ◄───────┘
///    ▼           │
/// (deleted) ◄────┘
/// </code>
/// Ending: the main process has ended; the rest of the cgroup is killed, the log drained and the exit written. Only then
/// does anybody hear of it.
/// </summary>
internal enum ContainerStatus
{
    Created,
    Starting,
    Running,
    Paused,
    Ending,
    Stopped,
}

/// <summary>One container. Changed on the loop's thread alone.</summary>
internal sealed class Container(ContainerSpec spec, ResolvedUser user, ICgroup cgroup, ContainerDescriptors descriptors)
{
    private Action? _whenStopped;

    public string Id => Spec.Id;

    public ContainerSpec Spec { get; } = spec;

    public ResolvedUser User { get; } = user;

    public ICgroup Cgroup { get; } = cgroup;

    public ContainerDescriptors Descriptors { get; } = descriptors;

    public ContainerStatus Status { get; private set; } = ContainerStatus.Created;

    /// <summary>0 before the start.</summary>
    public int Pid { get; private set; }

    /// <summary>Of the main process while it runs.</summary>
    public FileDescriptor? Pidfd { get; private set; }

    /// <summary>The master of its terminal while it runs.</summary>
    public FileDescriptor? Terminal { get; private set; }

    /// <summary>Nanoseconds since the epoch; 0 is not yet.</summary>
    public long StartedAt { get; private set; }

    /// <summary>Set once the exit is on disk.</summary>
    public ExitInfo? Exit { get; private set; }

    /// <summary>Where the output goes while there is any; null when it could not be opened.</summary>
    public LogPump? Log { get; set; }

    /// <summary>Clients whose input goes to the main process.</summary>
    public List<AttachedInput> Inputs { get; } = [];

    public OomEvents? Oom { get; set; }

    public ExecTable Execs { get; } = new();

    public WaitingCalls Waiting { get; } = new();

    public OperationQueue Operations { get; } = new();

    public bool IsDeleted { get; private set; }

    /// <summary>Whether the end of the main process ends every other process: it is PID 1 of a namespace of its own.</summary>
    public bool OwnsPidNamespace => Spec.Namespaces.Pid == PidNamespace.Container;

    public void BeginStart() => Status = ContainerStatus.Starting;

    public void Started(LaunchedProcess process, long at)
    {
        Status = ContainerStatus.Running;
        (Pid, Pidfd, Terminal, StartedAt) = (process.Pid, process.Pidfd, process.Terminal, at);
    }

    public void BeginEnd()
    {
        Status = ContainerStatus.Ending;
        Pidfd?.Dispose();
        Pidfd = null;
    }

    public void Stopped(ExitInfo exit)
    {
        Status = ContainerStatus.Stopped;
        Exit = exit;
        Pid = 0;
        Terminal?.Dispose();
        Terminal = null;
        _whenStopped?.Invoke();
        _whenStopped = null;
    }

    /// <summary>Calls the action when the container has stopped.</summary>
    public void WhenStopped(Action action) => _whenStopped += action;

    public void Move(ContainerStatus from, ContainerStatus to)
    {
        // It may have ended while it was frozen or thawed.
        if (Status == from)
        {
            Status = to;
        }
    }

    public void Deleted()
    {
        IsDeleted = true;
        Waiting.FailAll(NotThere());
    }

    /// <exception cref="SandboxException">FAILED_PRECONDITION in another state.</exception>
    public void Require(ContainerStatus wanted)
    {
        if (IsDeleted)
        {
            throw NotThere();
        }

        if (Status != wanted)
        {
            throw new SandboxException(
                RpcCode.FailedPrecondition, $"The container {Id} is {Words(Status)}, and not {Words(wanted)}.");
        }
    }

    public void RequireStarted()
    {
        if (Status is ContainerStatus.Created or ContainerStatus.Starting)
        {
            Require(ContainerStatus.Running);
        }
    }

    public void RequireNotEnded()
    {
        if (IsDeleted || Status is ContainerStatus.Ending or ContainerStatus.Stopped)
        {
            Require(ContainerStatus.Running);
        }
    }

    public ContainerState ToState() => new()
    {
        Id = Id,
        Status = Status switch
        {
            ContainerStatus.Created or ContainerStatus.Starting => ProcessStatus.Created,
            ContainerStatus.Paused => ProcessStatus.Paused,
            ContainerStatus.Stopped => ProcessStatus.Stopped,
            _ => ProcessStatus.Running,
        },
        Pid = Pid,
        StartedAt = StartedAt,
        Exit = Exit,
    };

    private SandboxException NotThere() => new(RpcCode.NotFound, $"The container {Id} was deleted.");

    private static string Words(ContainerStatus status) => status switch
    {
        ContainerStatus.Created => "created",
        ContainerStatus.Starting => "starting",
        ContainerStatus.Running => "running",
        ContainerStatus.Paused => "paused",
        _ => "at its end",
    };
}
