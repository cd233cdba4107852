using System.Diagnostics;
using System.Text.Json;
using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Hooks;

/// <summary>Runs the hooks of a container, one after the other in the order of its specification. It blocks; for the launching thread.</summary>
internal sealed class HookRunner(LaunchFacts facts, FileDescriptor procfs, FileDescriptor nothing)
{
    // In the order in which they run.
    private static readonly HookPhase[] _ofLaunch = [HookPhase.Prestart, HookPhase.CreateRuntime, HookPhase.CreateContainer];

    /// <summary>Runs those that belong into a launch, phase by phase. When its process ends, for example with its pod, they are killed.</summary>
    /// <exception cref="SandboxException">FailedPrecondition: a hook failed, and those after it did not run. The message has what it said.</exception>
    internal void RunWithin(PlanProcess launch, ContainerSpec spec, ICgroup cgroup)
    {
        foreach (var phase in _ofLaunch)
        {
            Run(spec, phase, launch.Pid, launch.Pidfd, cgroup);
        }
    }

    /// <summary>Runs those of a phase that is not within a launch.</summary>
    /// <param name="pid">Of the container's first process; 0 for none.</param>
    /// <param name="process">Its pidfd: when it ends, they are killed. Null for none.</param>
    /// <inheritdoc cref="RunWithin"/>
    internal void Run(ContainerSpec spec, HookPhase phase, int pid, FileDescriptor? process) => Run(spec, phase, pid, process, null);

    /// <summary>Whether a launch must stop for hooks.</summary>
    internal static bool HoldsUpLaunch(ContainerSpec spec) => spec.Hooks.Any(IsOfLaunch);

    /// <summary>How long the hooks within a launch may take together.</summary>
    internal static TimeSpan TimeOfLaunch(ContainerSpec spec) => TimeSpan.FromSeconds(spec.Hooks.Where(IsOfLaunch).Sum(h => (long)h.TimeoutSeconds));

    private static bool IsOfLaunch(HookSpec hook) => _ofLaunch.Contains(hook.Phase);

    private void Run(ContainerSpec spec, HookPhase phase, int pid, FileDescriptor? container, ICgroup? cgroup)
    {
        foreach (var hook in spec.Hooks)
        {
            if (hook.Phase == phase)
            {
                Run(spec, hook, pid, container, cgroup);
            }
        }
    }

    private void Run(ContainerSpec spec, HookSpec hook, int pid, FileDescriptor? container, ICgroup? cgroup)
    {
        var isInside = hook.Phase == HookPhase.CreateContainer;
        var name = $"The {JsonNamingPolicy.CamelCase.ConvertName(hook.Phase.ToString())} hook {hook.Path}";
        try
        {
            using var state = HookState.Open(spec, hook.Phase, pid);
            var (read, write) = Pipes.Create();
            using var output = new HookOutput(read);
            var input = new HookPlanInput(hook, spec.Bundle!, facts, procfs, nothing, state, write, isInside ? container : null);
            using var process = Start(input, isInside ? cgroup : null);
            var exit = Await(process, output, container, TimeSpan.FromSeconds(hook.TimeoutSeconds));
            if (exit is not { ExitCode: 0 })
            {
                throw new SandboxException(RpcCode.FailedPrecondition, $"{name} {HowItEnded(exit, hook, container)}{output.Said()}");
            }
        }
        catch (PlanException e) when (e.Call == nameof(SystemCall.execve))
        {
            throw new SandboxException(RpcCode.FailedPrecondition, $"{name} cannot be executed: {e.Errno.Describe()}.", e);
        }
        catch (Exception e) when (e is not SandboxException && LaunchErrors.IsExpected(e))
        {
            throw LaunchErrors.Describe(e, $"{name} could not be started");
        }
    }

    private static PlanProcess Start(HookPlanInput input, ICgroup? cgroup)
    {
        // Only the hook keeps the pipe's other end, so that the end of its output is seen.
        using (input.Output)
        {
            using var directory = cgroup?.OpenDirectory();
            using var plan = HookPlan.Compile(input);
            var process = PlanLauncher.Launch(plan, NamespaceFlags.None, directory);
            try
            {
                while (process.Run(LaunchStops.Deadline) is not null)
                {
                    cgroup!.AddProcess(process.Pid);
                }

                return process;
            }
            catch
            {
                process.Dispose();
                throw;
            }
        }
    }

    /// <returns>Null when it was killed: its time was over, or the container has ended.</returns>
    private static ProcessExit? Await(PlanProcess process, HookOutput output, FileDescriptor? container, TimeSpan timeout)
    {
        try
        {
            if (WaitForEnd(process, output, container, timeout))
            {
                return Linux.Processes.WaitPidfd(process.Pidfd);
            }
        }
        catch
        {
            Kill(process);
            throw;
        }

        Kill(process);
        return null;
    }

    // It leads a session, so that what it has started is most of the time in its process group.
    private static void Kill(PlanProcess process)
    {
        Linux.Processes.Kill(-process.Pid, Signals.Kill);
        Linux.Processes.WaitPidfd(process.Pidfd);
    }

    /// <returns>False when it must not go on.</returns>
    private static bool WaitForEnd(PlanProcess process, HookOutput output, FileDescriptor? container, TimeSpan timeout)
    {
        const ulong Ended = 0;
        const ulong ContainerEnded = 1;
        var clock = Stopwatch.StartNew();
        using var epoll = new Epoll();
        epoll.Add(process.Pidfd, EpollEvents.In, Ended);
        output.AddTo(epoll);
        if (container is not null)
        {
            epoll.Add(container, EpollEvents.In, ContainerEnded);
        }

        Span<EpollReport> reports = stackalloc EpollReport[3];
        while (true)
        {
            var left = timeout - clock.Elapsed;
            if (left <= TimeSpan.Zero)
            {
                return false;
            }

            var count = epoll.Wait(reports, (int)Math.Ceiling(left.TotalMilliseconds));
            output.Drain(epoll);
            foreach (var report in reports[..count])
            {
                if (report.Data != HookOutput.Mark)
                {
                    return report.Data == Ended;
                }
            }
        }
    }

    private static string HowItEnded(ProcessExit? exit, HookSpec hook, FileDescriptor? container) => exit switch
    {
        null when container is not null && Poll.WaitReadable(container, TimeSpan.Zero) => "was killed, because its container ended meanwhile",
        null => $"took longer than its timeout of {hook.TimeoutSeconds} s and was killed",
        { Signal: 0 } => $"failed with exit code {exit.Value.ExitCode}",
        _ => $"was ended by signal {exit.Value.Signal}",
    };
}
