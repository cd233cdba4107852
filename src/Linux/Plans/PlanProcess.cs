using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Crisp.Linux.Plans;

/// <summary>A child on its way through a plan. Not for several threads.</summary>
/// <remarks>
/// A failed child, and the intermediate one of a CLONE step, are reaped here by their pidfd, unless a thread that waits for
/// any child was faster. A child that got as far as its program is the caller's to wait for.
/// </remarks>
public sealed class PlanProcess : IDisposable
{
    private readonly Plan _plan;
    private readonly FileDescriptor _status;
    private readonly FileDescriptor _go;
    private State _state = State.Running;

    internal PlanProcess(Plan plan, int pid, FileDescriptor pidfd, FileDescriptor status, FileDescriptor go)
    {
        _plan = plan;
        Pid = pid;
        Pidfd = pidfd;
        _status = status;
        _go = go;
    }

    private enum State
    {
        Running,
        Stopped,
        Left,
        Failed,
    }

    /// <summary>As in native/plan.c, enum kind.</summary>
    private enum Kind
    {
        Ended,
        Stopped,
        Failed,
        Cloned,
        Leaving,
    }

    /// <summary>The child in the launcher's PID namespace; a CLONE step changes it.</summary>
    public int Pid { get; private set; }

    /// <summary>Closed by <see cref="Dispose"/>; <see cref="FileDescriptor.Duplicate"/> it to keep it.</summary>
    public FileDescriptor Pidfd { get; private set; }

    /// <summary>The first child, once a CLONE step has put another in its place; 0 otherwise.</summary>
    public int IntermediatePid { get; private set; }

    /// <summary>Lets the child go on to its next stop, or to its program.</summary>
    /// <param name="deadline">The child is killed when it takes longer.</param>
    /// <returns>The stop's name, or null when the child executes its program (or pauses for ever, or has exited as planned).</returns>
    /// <exception cref="PlanException">A step failed.</exception>
    /// <exception cref="PlanDiedException">The child ended before.</exception>
    /// <exception cref="TimeoutException">The deadline is over.</exception>
    public string? Run(TimeSpan deadline)
    {
        if (_state is State.Left or State.Failed)
        {
            throw new InvalidOperationException("The plan is at its end.");
        }

        try
        {
            return Advance(deadline);
        }
        catch
        {
            End();
            throw;
        }
    }

    /// <summary>Runs to the program; for plans without stops.</summary>
    public void RunToEnd(TimeSpan deadline)
    {
        if (Run(deadline) is { } stop)
        {
            throw new InvalidOperationException($"The plan stops at \"{stop}\".");
        }
    }

    /// <summary>Waits for the end of the program and reaps it. One that takes longer is killed.</summary>
    /// <returns>Null when it was killed.</returns>
    public ProcessExit? WaitOrKill(TimeSpan deadline)
    {
        var hasEnded = Poll.WaitReadable(Pidfd, deadline);
        if (!hasEnded)
        {
            Processes.PidfdSendSignal(Pidfd, Signals.Kill);
        }

        var exit = Processes.WaitPidfd(Pidfd);
        return hasEnded ? exit : null;
    }

    /// <summary>Kills the child if it is still within its plan, and closes the pidfd and the pipes.</summary>
    public void Dispose()
    {
        End();
        Pidfd.Dispose();
        _status.Dispose();
        _go.Dispose();
    }

    private string? Advance(TimeSpan deadline)
    {
        var clock = Stopwatch.StartNew();
        if (_state == State.Stopped)
        {
            Go();
        }

        var leaving = false;
        while (true)
        {
            var (kind, index, value) = Receive(clock, deadline);
            switch (kind)
            {
                case Kind.Stopped:
                    _state = State.Stopped;
                    return (string)_plan.Steps[index].Arguments[1].Source!;
                case Kind.Cloned:
                    Adopt(value);
                    Go();
                    break;
                case Kind.Leaving:
                    leaving = true;
                    break;
                case Kind.Failed:
                    throw Failure(index, (Errno)value);
                default:
                    if (!leaving && HasDied())
                    {
                        throw new PlanDiedException(Reap());
                    }

                    _state = State.Left;
                    return null;
            }
        }
    }

    private (Kind Kind, int Index, int Value) Receive(Stopwatch clock, TimeSpan deadline)
    {
        if (!Poll.WaitReadable(_status, deadline - clock.Elapsed))
        {
            throw new TimeoutException($"The process {Pid} did not get on with its plan for {deadline.TotalSeconds:0.#} s and was killed.");
        }

        Span<int> message = stackalloc int[3];
        var count = Files.Read(_status, MemoryMarshal.AsBytes(message));
        return count == 0 ? (Kind.Ended, 0, 0) : ((Kind)message[0], message[1], message[2]);
    }

    // EPIPE means that the child has gone; the end of the status pipe says why.
    private void Go()
    {
        _state = State.Running;
        if (Files.TryWrite(_go, "g"u8, out var errno) < 0 && errno != Errno.EPIPE)
        {
            throw new LinuxException("write", errno, "go pipe");
        }
    }

    /// <summary>
    /// The second child is held until it gets its byte, so that it is alive, is ours, and the number is its own.
    /// </summary>
    private void Adopt(int pid)
    {
        var pidfd = Processes.PidfdOpen(pid);
        Reap();
        Pidfd.Dispose();
        IntermediatePid = Pid;
        Pid = pid;
        Pidfd = pidfd;
    }

    /// <summary>
    /// The end of the status pipe without a word before it: a seccomp filter may have forbidden write, and then the program
    /// runs; or the child is dead, which its pidfd tells within the moment between closing files and ending.
    /// </summary>
    private bool HasDied() => Poll.WaitReadable(Pidfd, TimeSpan.FromMilliseconds(100));

    private PlanException Failure(int index, Errno errno)
    {
        var step = _plan.Steps[index];
        return new PlanException(index, step.Label, step.CallName, errno, PlanPrinter.SubjectOf(_plan, step));
    }

    private void End()
    {
        if (_state is State.Left or State.Failed)
        {
            return;
        }

        _state = State.Failed;
        Processes.PidfdSendSignal(Pidfd, Signals.Kill);
        Reap();
    }

    // ECHILD: a thread that waits for any child has reaped it.
    private ProcessExit? Reap() => Processes.TryWaitPidfd(Pidfd);
}
