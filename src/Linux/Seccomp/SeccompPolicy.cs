namespace Crisp.Linux.Seccomp;

/// <summary>The kinds of system calls that an x86-64 kernel takes.</summary>
public enum SeccompArchitecture
{
    /// <summary>AUDIT_ARCH_X86_64, numbers below __X32_SYSCALL_BIT.</summary>
    X86_64,

    /// <summary>AUDIT_ARCH_I386: programs of 32 bits, and int 0x80 of any program.</summary>
    X86,

    /// <summary>AUDIT_ARCH_X86_64 with __X32_SYSCALL_BIT in the number: 32-bit pointers in 64-bit mode.</summary>
    X32,
}

/// <summary>How a condition compares an argument of a system call, without sign.</summary>
public enum SeccompComparison
{
    NotEqual,
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,

    /// <summary>Equal in the bits of the mask, and the value has no others.</summary>
    MaskedEqual,
}

/// <param name="Argument">0 to 5.</param>
/// <param name="Mask">For <see cref="SeccompComparison.MaskedEqual"/> alone.</param>
public readonly record struct SeccompCondition(int Argument, SeccompComparison Comparison, ulong Value, ulong Mask = ulong.MaxValue);

/// <summary>What becomes of a system call when all conditions hold; without conditions always.</summary>
/// <param name="Names">The kernel's names; those that a machine does not know are passed over.</param>
/// <param name="Answer">Of the filter: <see cref="SeccompAnswer"/>.</param>
public sealed record SeccompRule(IReadOnlyList<string> Names, uint Answer, IReadOnlyList<SeccompCondition> Conditions);

/// <summary>A seccomp profile without conditions on the node or the container: all of it holds.</summary>
/// <remarks>
/// Where several rules meet: one that says what the default says anyway is not there; one without conditions hides all that
/// have some, and the first of those stands (as libseccomp has it); of several whose conditions hold the most restrictive wins.
/// </remarks>
public sealed record SeccompPolicy
{
    /// <summary>The answer to system calls that no rule matches.</summary>
    public required uint DefaultAnswer { get; init; }

    /// <summary>Calls of another kind end the thread.</summary>
    public IReadOnlyList<SeccompArchitecture> Architectures { get; init; } = [SeccompArchitecture.X86_64];

    public IReadOnlyList<SeccompRule> Rules { get; init; } = [];
}
