using Crisp.Linux.Interop;

namespace Crisp.Linux.Plans;

public sealed partial class PlanBuilder
{
    /// <summary>setns(2) with a namespace's descriptor or a pidfd.</summary>
    public StepReference SetNs(PlanDescriptor namespaceOrPidfd, NamespaceFlags types)
        => Add(SystemCall.setns, namespaceOrPidfd.Argument, Literal((long)types, ArgumentFormat.NamespaceFlags));

    /// <summary>unshare(2).</summary>
    public StepReference Unshare(NamespaceFlags types)
        => Add(SystemCall.unshare, Literal((long)types, ArgumentFormat.NamespaceFlags));

    public StepReference SetHostname(string name)
        => Add(SystemCall.sethostname, Text(name), Literal(LinuxPath.Encode(name).Length));

    /// <summary>setsid(2).</summary>
    public StepReference SetSid() => Add(SystemCall.setsid);

    /// <summary>prlimit(2) of the process itself.</summary>
    /// <param name="resource">RLIMIT_* as in asm-generic/resource.h (<see cref="ResourceLimits.NumberOf"/>).</param>
    public StepReference SetRlimit(int resource, ulong soft, ulong hard)
    {
        var limit = new rlimit { rlim_cur = soft, rlim_max = hard };
        return Add(
            SystemCall.prlimit64,
            Literal(0),
            Literal(resource, ArgumentFormat.Rlimit),
            Struct(limit, new RlimitSource(soft, hard)),
            Null);
    }

    /// <summary>rt_sigprocmask(2), SIG_BLOCK: the program starts with these blocked, in its first thread and so in all of them.</summary>
    /// <param name="signals">Numbers. <see cref="SignalsDefault"/> must come before, since it unblocks all.</param>
    public StepReference SignalsBlock(params ReadOnlySpan<int> signals)
    {
        const int SigsetSize = sizeof(ulong);
        var mask = Signals.Mask(signals);
        return Add(
            SystemCall.rt_sigprocmask,
            Literal(0, ArgumentFormat.SignalMaskOperation),
            Struct(mask, new SignalsSource(signals.ToArray())),
            Null,
            Literal(SigsetSize));
    }

    /// <summary>keyctl(2), KEYCTL_JOIN_SESSION_KEYRING: an anonymous keyring of its own, so that none of the node's is seen.</summary>
    public StepReference JoinSessionKeyring() => Add(SystemCall.keyctl, Literal(1, ArgumentFormat.Keyctl), Null);

    /// <summary>execve(2). When it is accepted to fail, the next step is tried: so is a program looked up in PATH.</summary>
    public StepReference Execve(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
        => Add(PlanOperation.Leave, SystemCall.execve, Text(path), Texts(arguments), Texts(environment));

    /// <summary>execveat(2) of an open file (AT_EMPTY_PATH), such as a sealed memfd.</summary>
    public StepReference ExecveAt(PlanDescriptor file, IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
        => Add(
            PlanOperation.Leave,
            SystemCall.execveat,
            file.Argument,
            Text(string.Empty),
            Texts(arguments),
            Texts(environment),
            Literal(AtEmptyPath, ArgumentFormat.AtFlags));

    /// <summary>exit_group(2).</summary>
    public StepReference Exit(int code) => Add(PlanOperation.Leave, SystemCall.exit_group, Literal(code));
}
