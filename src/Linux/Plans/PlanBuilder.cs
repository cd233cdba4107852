namespace Crisp.Linux.Plans;

/// <summary>
/// Writes down the system calls that a child makes between clone3 and execve. Methods are named after the calls and add one
/// step each; nothing happens before <see cref="PlanLauncher.Launch"/>. Not for several threads.
/// </summary>
/// <remarks>
/// The child keeps descriptors 0, 1, 2 and those of <see cref="Descriptor"/>; all others of the launching process are
/// closed before the first step. All are inherited by the program unless they are close-on-exec, as those of this library are.
/// </remarks>
public sealed partial class PlanBuilder
{
    private const int UsualSteps = 128;
    private readonly List<PlanStep> _steps = new(UsualSteps);
    private readonly List<(string Name, FileDescriptor? File)> _descriptors = [];
    private readonly List<PlanArgument> _texts = [];
    private readonly PlanData _data = new();
    private string _label = string.Empty;

    /// <summary>Says what the following steps are for; an error begins with it.</summary>
    /// <param name="purpose">For example <c>Mount /proc</c>.</param>
    public PlanBuilder Label(string purpose)
    {
        _label = purpose;
        return this;
    }

    /// <summary>A descriptor of the launching process that steps may use under the same number.</summary>
    /// <param name="name">For people.</param>
    /// <param name="file">Null for a plan that is only printed or compared.</param>
    public PlanDescriptor Descriptor(string name, FileDescriptor? file)
    {
        _descriptors.Add((name, file));
        return new PlanDescriptor(ArgumentKind.Descriptor, _descriptors.Count - 1);
    }

    /// <summary>Waits until the launcher says to go on.</summary>
    /// <param name="name">What <see cref="PlanProcess.Run"/> answers.</param>
    /// <param name="deadline">The child ends with ETIMEDOUT when nobody says so for this long.</param>
    public StepReference Stop(string name, TimeSpan deadline)
        => Add(PlanOperation.Stop, default, Milliseconds(deadline), Text(name));

    /// <summary>
    /// Goes on in a second child in new namespaces, which is a child of the launching process; the first one ends. For a PID
    /// namespace inside a user namespace, which must be joined before. The launch itself must not make a PID namespace.
    /// </summary>
    /// <param name="deadline">How long the second child waits until the launcher has its pidfd.</param>
    /// <param name="cgroup">
    /// From <see cref="Descriptor"/>: a cgroup v2 directory that the second child is born in (CLONE_INTO_CGROUP).
    /// </param>
    public StepReference Clone(NamespaceFlags namespaces, TimeSpan deadline, PlanDescriptor? cgroup = null)
    {
        const ulong CloneParent = 0x8000;
        // CLONE_PARENT demands exit_signal 0 (clone3(2)): the new child takes over the first one's, SIGCHLD.
        var arguments = new Interop.clone_args { flags = CloneParent | (ulong)namespaces };
        string? name = null;
        if (cgroup?.Argument is { } argument)
        {
            if (argument.Kind != ArgumentKind.Descriptor)
            {
                throw new ArgumentException("The cgroup of a CLONE step must be a descriptor from outside the plan.", nameof(cgroup));
            }

            name = _descriptors[(int)argument.Value].Name;
            arguments.flags |= PlanLauncher.CloneIntoCgroup;
        }

        var data = _data.Add(in arguments);
        if (cgroup is not null)
        {
            _data.Descriptors.Add((data + Interop.clone_args.CgroupOffset, (int)cgroup.Value.Argument.Value));
        }

        return Add(
            PlanOperation.Clone,
            default,
            new PlanArgument(ArgumentKind.Data, data, ArgumentFormat.Pointer, new CloneSource(namespaces, name)),
            Milliseconds(deadline));
    }

    /// <summary>Sets every signal to its default and unblocks all. Until here all signals are blocked.</summary>
    public StepReference SignalsDefault() => Add(PlanOperation.SignalsDefault, default);

    /// <summary>
    /// Ends the plan in a process that only exists: PID 1 of a shared PID namespace. It gives back all its memory and
    /// descriptors, and the kernel reaps its children because it ignores SIGCHLD.
    /// </summary>
    public StepReference Pause() => Add(PlanOperation.Pause, default);

    /// <summary>Compiles the steps. The builder may be used on, and built again.</summary>
    /// <exception cref="InvalidOperationException">The plan does not end the process, or would leave signals blocked.</exception>
    public Plan Build()
    {
        if (_steps.Count == 0 || _steps[^1] is not { Operation: PlanOperation.Leave or PlanOperation.Pause, Accepted.Count: 0 })
        {
            throw new InvalidOperationException("A plan must end with execve, execveat, exit_group or PAUSE, and accept no error there.");
        }

        if (_steps[^1].Operation == PlanOperation.Leave && !_steps.Exists(s => s.Operation == PlanOperation.SignalsDefault))
        {
            throw new InvalidOperationException("A plan must reset signals: without SIGNALS_DEFAULT the program starts with all blocked.");
        }

        return new Plan([.. _steps], [.. _descriptors], _data);
    }

    /// <summary>A call that has no method of its own.</summary>
    /// <param name="arguments">Numbers.</param>
    public StepReference Call(SystemCall call, params ReadOnlySpan<long> arguments)
    {
        var literals = new PlanArgument[arguments.Length];
        for (var i = 0; i < literals.Length; i++)
        {
            literals[i] = new PlanArgument(ArgumentKind.Literal, arguments[i], ArgumentFormat.Decimal);
        }

        return Add(PlanOperation.Call, call, literals);
    }

    private StepReference Add(SystemCall call, params ReadOnlySpan<PlanArgument> arguments) => Add(PlanOperation.Call, call, arguments);

    private StepReference Add(PlanOperation operation, SystemCall call, params ReadOnlySpan<PlanArgument> arguments)
    {
        // As many as the instruction syscall takes and the interpreter's structure has room for.
        const int MostArguments = 6;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(arguments.Length, MostArguments, nameof(arguments));
        foreach (var argument in arguments)
        {
            // A reference of another builder would point to a step that does not exist or is not yet done.
            var count = argument.Kind switch
            {
                ArgumentKind.Result => _steps.Count,
                ArgumentKind.Descriptor => _descriptors.Count,
                _ => long.MaxValue,
            };
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(argument.Value, count, nameof(arguments));
        }

        var step = new PlanStep(operation, call, arguments.ToArray(), _label);
        _steps.Add(step);
        return new StepReference(step, _steps.Count - 1);
    }

    private static PlanArgument Literal(long value, ArgumentFormat format = ArgumentFormat.Decimal)
        => new(ArgumentKind.Literal, value, format);

    private static PlanArgument Milliseconds(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero);
        return Literal((long)time.TotalMilliseconds, ArgumentFormat.Milliseconds);
    }

    private static PlanArgument Null => Literal(0, ArgumentFormat.Pointer);

    private PlanArgument Text(string text) => new(ArgumentKind.Data, _data.Add(text), ArgumentFormat.Pointer, text);

    /// <summary>A program looked up in PATH is one execve for each directory, all with the same arguments and environment.</summary>
    private PlanArgument Texts(IReadOnlyList<string> texts)
    {
        foreach (var argument in _texts)
        {
            if (ReferenceEquals(argument.Source, texts))
            {
                return argument;
            }
        }

        _texts.Add(new PlanArgument(ArgumentKind.Data, _data.Add(texts), ArgumentFormat.Pointer, texts));
        return _texts[^1];
    }

    private PlanArgument Struct<T>(in T value, object source)
        where T : unmanaged
        => new(ArgumentKind.Data, _data.Add(in value), ArgumentFormat.Pointer, source);
}
