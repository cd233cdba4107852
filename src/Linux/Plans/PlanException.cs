namespace Crisp.Linux.Plans;

/// <summary>A step that failed in the child. The message reads <c>Mount /proc: fsmount proc: EPERM, operation not permitted</c>.</summary>
public sealed class PlanException : LinuxException
{
    internal PlanException(int stepIndex, string label, string call, Errno errno, string? path)
        : base(call, errno, path, label.Length == 0 ? Describe(call, errno, path) : $"{label}: {Describe(call, errno, path)}")
    {
        StepIndex = stepIndex;
        Label = label;
    }

    /// <summary>From 0, as <see cref="PlanPrinter"/> numbers the steps.</summary>
    public int StepIndex { get; }

    /// <summary>What the step was for; empty when the plan does not say.</summary>
    public string Label { get; }
}

/// <summary>The child ended before execve without a report: somebody killed it, or its seccomp filter did.</summary>
public sealed class PlanDiedException(ProcessExit? exit) : Exception(Describe(exit))
{
    /// <summary>How it ended; null when another thread has reaped it.</summary>
    public ProcessExit? Exit { get; } = exit;

    private static string Describe(ProcessExit? exit) => exit switch
    {
        null => "The process ended before it could execute its program.",
        { Signal: 0 } => $"The process ended with code {exit.Value.ExitCode} before it could execute its program.",
        _ => $"The process was killed by signal {exit.Value.Signal} before it could execute its program.",
    };
}
