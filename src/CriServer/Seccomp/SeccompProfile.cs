using System.Text.Json.Serialization;

namespace Crisp.CriServer.Seccomp;

/// <summary>
/// A seccomp profile as its author writes it: the OCI runtime specification's form (config-linux.md, "Seccomp"), and what
/// Docker's adds to it: archMap, includes and excludes.
/// </summary>
public sealed record SeccompProfile
{
    public string DefaultAction { get; init; } = "";

    public ushort? DefaultErrnoRet { get; init; }

    public IReadOnlyList<string>? Architectures { get; init; }

    public IReadOnlyList<SeccompArchitectureMap>? ArchMap { get; init; }

    public IReadOnlyList<string>? Flags { get; init; }

    /// <summary>For SCMP_ACT_NOTIFY, which does not exist here.</summary>
    public string? ListenerPath { get; init; }

    public string? ListenerMetadata { get; init; }

    public IReadOnlyList<SeccompSyscalls>? Syscalls { get; init; }

    public string? Comment { get; init; }
}

/// <summary>A machine and those whose programs it also runs.</summary>
public sealed record SeccompArchitectureMap
{
    public string Architecture { get; init; } = "";

    public IReadOnlyList<string>? SubArchitectures { get; init; }
}

/// <summary>One rule.</summary>
public sealed record SeccompSyscalls
{
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>The older form of <see cref="Names"/>.</summary>
    public string? Name { get; init; }

    public string Action { get; init; } = "";

    public ushort? ErrnoRet { get; init; }

    public IReadOnlyList<SeccompArgument>? Args { get; init; }

    /// <summary>The rule holds only where all of this does.</summary>
    public SeccompFilter? Includes { get; init; }

    /// <summary>The rule does not hold where any of this does.</summary>
    public SeccompFilter? Excludes { get; init; }

    public string? Comment { get; init; }
}

/// <summary>A comparison of an argument.</summary>
/// <remarks>SCMP_CMP_MASKED_EQ: value is the mask, valueTwo what the masked argument equals.</remarks>
public sealed record SeccompArgument
{
    public int Index { get; init; }

    public ulong Value { get; init; }

    public ulong ValueTwo { get; init; }

    public string Op { get; init; } = "";
}

/// <summary>What a rule depends on.</summary>
public sealed record SeccompFilter
{
    /// <summary>Of the container's bounding set.</summary>
    public IReadOnlyList<string>? Caps { get; init; }

    /// <summary>In Go's words: amd64.</summary>
    public IReadOnlyList<string>? Arches { get; init; }

    /// <summary>MAJOR.MINOR.</summary>
    public string? MinKernel { get; init; }
}

/// <summary>A member that is not known may be a misspelled one, and a rule without its condition allows too much.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(SeccompProfile))]
internal sealed partial class SeccompJson : JsonSerializerContext;
