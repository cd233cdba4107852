namespace Crisp.Linux.Plans;

/// <summary>Where the value of an argument comes from.</summary>
internal enum ArgumentKind : byte
{
    /// <summary>The value itself.</summary>
    Literal,

    /// <summary>The result of the step with this index.</summary>
    Result,

    /// <summary>An entry of the plan's table of descriptors from outside.</summary>
    Descriptor,

    /// <summary>A pointer to this offset of the plan's data.</summary>
    Data,
}

/// <summary>How a literal is written for people.</summary>
internal enum ArgumentFormat : byte
{
    Decimal,
    Octal,
    Hexadecimal,
    Descriptor,
    Pointer,
    OpenFlags,
    ResolveFlags,
    AtFlags,
    FsConfigCommand,
    FsOpenFlags,
    FsMountFlags,
    MountAttributes,
    OpenTreeFlags,
    MoveMountFlags,
    MountFlags,
    UnmountFlags,
    NamespaceFlags,
    CloseRangeFlags,
    Rlimit,
    Prctl,
    CapabilityAmbient,
    Capability,
    SeccompOperation,
    SeccompFlags,
    Keyctl,
    Ioctl,
    Device,
    FileMode,
    Milliseconds,
    SignalMaskOperation,
}

/// <summary>One argument of a step.</summary>
/// <param name="Source">For data: what it was made from, so that it can be shown.</param>
internal readonly record struct PlanArgument(ArgumentKind Kind, long Value, ArgumentFormat Format, object? Source = null);

/// <summary>A descriptor as a step takes it: one from outside, the result of an earlier step, or a fixed number.</summary>
public readonly record struct PlanDescriptor
{
    internal PlanDescriptor(ArgumentKind kind, long value)
    {
        Argument = new PlanArgument(kind, value, ArgumentFormat.Descriptor);
    }

    /// <summary>AT_FDCWD.</summary>
    public static PlanDescriptor CurrentDirectory => Number(-100);

    internal PlanArgument Argument { get; }

    /// <summary>A descriptor whose number is known, such as 0, 1 and 2 in the child.</summary>
    public static PlanDescriptor Number(int number) => new(ArgumentKind.Literal, number);
}

/// <summary>What a data argument was made from, for <see cref="PlanPrinter"/>.</summary>
internal sealed record OpenHowSource(OpenFlags Flags, ResolveFlags Resolve, uint Mode);

internal sealed record MountAttrSource(MountAttributes Set, MountAttributes Clear, MountFlags Propagation);

internal sealed record RlimitSource(ulong Soft, ulong Hard);

internal sealed record CapabilitySource(CapabilitySet Effective, CapabilitySet Permitted, CapabilitySet Inheritable);

internal sealed record FilterSource(int Instructions);

internal sealed record CloneSource(NamespaceFlags Namespaces, string? Cgroup);

internal sealed record GroupsSource(IReadOnlyList<uint> Groups);

internal sealed record SignalsSource(IReadOnlyList<int> Signals);

internal sealed record SymbolSource(string Name);
