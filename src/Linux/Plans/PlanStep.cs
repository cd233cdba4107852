namespace Crisp.Linux.Plans;

/// <summary>What the interpreter does at a step (native/plan.c, enum op).</summary>
internal enum PlanOperation : ushort
{
    Call,

    /// <summary>A call after which, if it succeeds, there is no plan any more: execve, execveat, exit_group.</summary>
    Leave,
    Stop,
    Clone,
    SignalsDefault,
    Pause,
}

/// <summary>One step of a plan: a system call or one of the interpreter's own operations.</summary>
internal sealed record PlanStep(PlanOperation Operation, SystemCall Call, PlanArgument[] Arguments, string Label)
{
    private List<Errno>? _accepted;

    internal IReadOnlyList<Errno> Accepted => _accepted ?? [];

    /// <summary>The index of an earlier step whose success makes this one superfluous, or null.</summary>
    internal int? Unless { get; set; }

    /// <summary>The result's name for people, or null.</summary>
    internal string? ResultName { get; set; }

    internal void Accept(ReadOnlySpan<Errno> errnos) => (_accepted ??= new List<Errno>(errnos.Length)).AddRange(errnos);

    internal string CallName => Operation switch
    {
        PlanOperation.Stop => "STOP",
        PlanOperation.Clone => "CLONE",
        PlanOperation.SignalsDefault => "SIGNALS_DEFAULT",
        PlanOperation.Pause => "PAUSE",
        _ => Call.ToString(),
    };

    /// <summary>What the call is about: its first text that is not empty, or for calls that name the old first, the last.</summary>
    internal string? Subject
    {
        get
        {
            var texts = Arguments.Select(a => a.Source as string).Where(s => !string.IsNullOrEmpty(s));
            return Call switch
            {
                SystemCall.mount => Arguments[1].Source as string,
                SystemCall.symlinkat => texts.LastOrDefault(),
                _ => texts.FirstOrDefault(),
            };
        }
    }
}

/// <summary>A step that was added to a builder. As an argument it is the step's result, which must be a descriptor.</summary>
public readonly record struct StepReference
{
    private readonly PlanStep _step;
    private readonly int _index;

    internal StepReference(PlanStep step, int index)
    {
        _step = step;
        _index = index;
    }

    public static implicit operator PlanDescriptor(StepReference step) => step.ToPlanDescriptor();

    /// <summary>Error numbers with which the plan goes on. Later steps that take this one's result are then skipped.</summary>
    /// <param name="errnos">At most five.</param>
    public StepReference Accept(params ReadOnlySpan<Errno> errnos)
    {
        const int MostAccepted = 5;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_step.Accepted.Count + errnos.Length, MostAccepted, nameof(errnos));
        _step.Accept(errnos);
        return this;
    }

    /// <summary>
    /// Skips the step, and those that take its result, when an earlier step has succeeded, which then must be one that may fail.
    /// </summary>
    public StepReference Unless(StepReference other)
    {
        if (other._step.Accepted.Count == 0 || other._index >= _index)
        {
            throw new ArgumentException($"{other._step.CallName} must come before {_step.CallName} and may fail.", nameof(other));
        }

        _step.Unless = other._index;
        return this;
    }

    /// <summary>Names the result for people.</summary>
    public StepReference As(string name)
    {
        _step.ResultName = name;
        return this;
    }

    public PlanDescriptor ToPlanDescriptor() => new(ArgumentKind.Result, _index);
}
