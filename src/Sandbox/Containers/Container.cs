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

/// <summary>
/// One container, whatever kind of pod it is in. Changed on the loop's thread alone. What it can be told to do differs between
/// the kinds: each operation ends with one of its two actions, on the loop's thread.
/// </summary>
internal abstract class Container(ContainerSpec spec, ResolvedUser user)
{
    private Action? _whenStopped;

    public string Id => Spec.Id;

    public ContainerSpec Spec { get; } = spec;

    public ResolvedUser User { get; } = user;

    public ContainerStatus Status { get; private set; } = ContainerStatus.Created;

    /// <summary>0 before the start.</summary>
    public int Pid { get; private set; }

    /// <summary>Nanoseconds since the epoch; 0 is not yet.</summary>
    public long StartedAt { get; private set; }

    /// <summary>Set once the exit is on disk.</summary>
    public ExitInfo? Exit { get; private set; }

    /// <summary>Where the output goes while there is any; null when it could not be opened.</summary>
    public LogPump? Log { get; set; }

    public ExecTable Execs { get; } = new();

    public WaitingCalls Waiting { get; } = new();

    public OperationQueue Operations { get; } = new();

    public bool IsDeleted { get; private set; }

    /// <param name="output">Where the main process's output goes instead of to the log, closed on failure; null for the log.</param>
    public abstract void Start(ClientStreams? output, CallDeadline deadline, Action done, Action<Exception> failed);

    /// <summary>Kills what is left of it and removes it. A repetition changes nothing.</summary>
    public abstract void Delete(CallDeadline deadline, Action done, Action<Exception> failed);

    /// <param name="streams">Closed on failure.</param>
    public abstract void Exec(string id, ProcessSpec process, ClientStreams streams, CallDeadline deadline, Action<Exec> done, Action<Exception> failed);

    /// <summary>Ties a client's streams to the main process, which runs or is paused.</summary>
    /// <param name="streams">Closed on failure.</param>
    public abstract void Attach(ClientStreams streams, CallDeadline deadline, Action done, Action<Exception> failed);

    /// <param name="exec">A running one; null is the main process. One that has just ended is no error.</param>
    public abstract void Signal(Exec? exec, int signal, CallDeadline deadline, Action done, Action<Exception> failed);

    /// <summary>SIGKILL for every process.</summary>
    public abstract void KillAll(CallDeadline deadline, Action done, Action<Exception> failed);

    /// <param name="exec">A running one; null is the main process.</param>
    public abstract void Resize(Exec? exec, ushort width, ushort height, CallDeadline deadline, Action done, Action<Exception> failed);

    public abstract void Update(ResourcesSpec resources, CallDeadline deadline, Action done, Action<Exception> failed);

    public abstract void Pause(CallDeadline deadline, Action done, Action<Exception> failed);

    public abstract void Resume(CallDeadline deadline, Action done, Action<Exception> failed);

    public abstract void Stats(StatsRequest request, CallDeadline deadline, Action<StatsResponse> done, Action<Exception> failed);

    /// <summary>What is to be done between a container's last process and its exit; it never fails.</summary>
    public virtual void BeforeExit(Action done) => done();

    /// <summary>Adds to the exit what must be looked up. On the worker's thread.</summary>
    public virtual void Complete(ExitInfo exit)
    {
    }

    public void BeginStart() => Status = ContainerStatus.Starting;

    public virtual void BeginEnd() => Status = ContainerStatus.Ending;

    public virtual void Stopped(ExitInfo exit)
    {
        Status = ContainerStatus.Stopped;
        Exit = exit;
        Pid = 0;
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

    protected void Started(int pid, long at)
    {
        Status = ContainerStatus.Running;
        (Pid, StartedAt) = (pid, at);
    }

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
