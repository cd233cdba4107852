using System.Globalization;
using Crisp.CriServer.Hosting;
using Crisp.Linux.Seccomp;

namespace Crisp.CriServer.Seccomp;

/// <summary>Turns a profile into what holds for one container on this node.</summary>
/// <param name="subject">The profile's name in errors.</param>
internal sealed class SeccompResolver(SeccompProfile profile, string subject, IReadOnlyCollection<string> capabilities, Version kernel)
{
    private const string Architecture = "amd64";
    private const ushort Eperm = 1;

    /// <exception cref="CriException">The profile has words that are not known, or asks for what does not exist here.</exception>
    public SeccompPolicy Resolve()
    {
        if (profile.ListenerPath is { Length: > 0 } listener)
        {
            throw Bad($"has the listenerPath {listener}, and there are no notifications (SCMP_ACT_NOTIFY)");
        }

        return new SeccompPolicy
        {
            DefaultAnswer = Answer(profile.DefaultAction, profile.DefaultErrnoRet, "defaultAction"),
            Architectures = Architectures(),
            Rules = [.. (profile.Syscalls ?? []).Where(Holds).SelectMany(Rules)],
        };
    }

    /// <summary>SECCOMP_FILTER_FLAG_* of linux/seccomp.h.</summary>
    public uint Flags()
    {
        const uint Log = 2;
        const uint SpecAllow = 4;
        return (profile.Flags ?? []).Aggregate(0u, (flags, name) => flags | name switch
        {
            "SECCOMP_FILTER_FLAG_LOG" => Log,
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => SpecAllow,

            // A process that is to become a container has one thread.
            "SECCOMP_FILTER_FLAG_TSYNC" => 0,
            _ => throw Bad($"has the flag \"{name}\"; SECCOMP_FILTER_FLAG_LOG, _SPEC_ALLOW and _TSYNC exist"),
        });
    }

    private List<SeccompArchitecture> Architectures()
    {
        if (profile is { Architectures.Count: > 0, ArchMap.Count: > 0 })
        {
            throw Bad("has both architectures and archMap");
        }

        var names = profile.Architectures is { Count: > 0 } listed ? listed
            : profile.ArchMap?.FirstOrDefault(m => m.Architecture == "SCMP_ARCH_X86_64") is { } map ? [map.Architecture, .. map.SubArchitectures ?? []]
            : profile.ArchMap is { Count: > 0 } ? throw Bad("has an archMap without SCMP_ARCH_X86_64, which this machine is")
            : (IReadOnlyList<string>)["SCMP_ARCH_X86_64"];
        var known = new List<SeccompArchitecture>();
        foreach (var name in names)
        {
            switch (name)
            {
                case "SCMP_ARCH_X86_64" or "SCMP_ARCH_NATIVE":
                    known.Add(SeccompArchitecture.X86_64);
                    break;
                case "SCMP_ARCH_X86":
                    known.Add(SeccompArchitecture.X86);
                    break;
                case "SCMP_ARCH_X32":
                    known.Add(SeccompArchitecture.X32);
                    break;
                case var other when !other.StartsWith("SCMP_ARCH_", StringComparison.Ordinal):
                    throw Bad($"has the architecture \"{other}\"; SCMP_ARCH_X86_64, SCMP_ARCH_X86 and SCMP_ARCH_X32 are this machine's");
            }
        }

        return known.Count > 0 ? known : throw Bad($"is for {string.Join(", ", names)} alone, and this machine is SCMP_ARCH_X86_64");
    }

    private bool Holds(SeccompSyscalls rule)
    {
        var includes = rule.Includes is not { } i
            || ((i.Caps ?? []).All(capabilities.Contains)
                && (i.Arches is not { Count: > 0 } arches || arches.Contains(Architecture))
                && (i.MinKernel is not { Length: > 0 } least || IsAtLeast(least)));
        var excludes = rule.Excludes is { } e
            && ((e.Caps ?? []).Any(capabilities.Contains)
                || (e.Arches ?? []).Contains(Architecture)
                || (e.MinKernel is { Length: > 0 } least2 && IsAtLeast(least2)));
        return includes && !excludes;
    }

    private bool IsAtLeast(string minKernel) => Version.TryParse(minKernel, out var version)
        ? new Version(kernel.Major, kernel.Minor) >= new Version(version.Major, version.Minor)
        : throw Bad($"has the minKernel \"{minKernel}\", which is not of the form 4.8");

    private IEnumerable<SeccompRule> Rules(SeccompSyscalls rule)
    {
        if (rule.Name is { Length: > 0 } && rule.Names is { Count: > 0 })
        {
            throw Bad($"has a rule with both name ({rule.Name}) and names");
        }

        var names = rule.Names is { Count: > 0 } many ? many
            : rule.Name is { Length: > 0 } one ? (IReadOnlyList<string>)[one]
            : throw Bad("has a rule in syscalls without names");
        var answer = Answer(rule.Action, rule.ErrnoRet, $"the action of {names[0]}");
        var conditions = (rule.Args ?? []).Select(a => Condition(a, names[0])).ToList();

        // No argument fulfils two comparisons that its author meant as a list of values: runc takes them as alternatives.
        return conditions.DistinctBy(c => c.Argument).Count() == conditions.Count
            ? [new SeccompRule(names, answer, conditions)]
            : conditions.Select(c => new SeccompRule(names, answer, [c]));
    }

    private SeccompCondition Condition(SeccompArgument argument, string name)
    {
        if (argument.Index is < 0 or > 5)
        {
            throw Bad($"compares the argument {argument.Index} of {name}; they are 0 to 5");
        }

        SeccompCondition With(SeccompComparison comparison) => new(argument.Index, comparison, argument.Value);
        return argument.Op switch
        {
            "SCMP_CMP_NE" => With(SeccompComparison.NotEqual),
            "SCMP_CMP_LT" => With(SeccompComparison.Less),
            "SCMP_CMP_LE" => With(SeccompComparison.LessOrEqual),
            "SCMP_CMP_EQ" => With(SeccompComparison.Equal),
            "SCMP_CMP_GE" => With(SeccompComparison.GreaterOrEqual),
            "SCMP_CMP_GT" => With(SeccompComparison.Greater),
            "SCMP_CMP_MASKED_EQ" => new(argument.Index, SeccompComparison.MaskedEqual, argument.ValueTwo, argument.Value),
            _ => throw Bad($"has the op \"{argument.Op}\" for {name}; SCMP_CMP_NE, _LT, _LE, _EQ, _GE, _GT and _MASKED_EQ exist"),
        };
    }

    private uint Answer(string action, ushort? errno, string where)
    {
        const int MaxErrno = 4095;
        if (errno is > MaxErrno && action == "SCMP_ACT_ERRNO")
        {
            throw Bad(string.Create(CultureInfo.InvariantCulture, $"has the errnoRet {errno}; they go to {MaxErrno}"));
        }

        return action switch
        {
            "SCMP_ACT_KILL" or "SCMP_ACT_KILL_THREAD" => SeccompAnswer.KillThread,
            "SCMP_ACT_KILL_PROCESS" => SeccompAnswer.KillProcess,
            "SCMP_ACT_TRAP" => SeccompAnswer.Trap,
            "SCMP_ACT_ERRNO" => SeccompAnswer.Errno(errno ?? Eperm),
            "SCMP_ACT_TRACE" => SeccompAnswer.Trace(errno ?? Eperm),
            "SCMP_ACT_LOG" => SeccompAnswer.Log,
            "SCMP_ACT_ALLOW" => SeccompAnswer.Allow,
            "SCMP_ACT_NOTIFY" => throw Bad($"has SCMP_ACT_NOTIFY as {where}, and there are no notifications"),
            _ => throw Bad($"has \"{action}\" as {where}; SCMP_ACT_ALLOW, _ERRNO, _LOG, _TRACE, _TRAP, _KILL, _KILL_THREAD and _KILL_PROCESS exist"),
        };
    }

    private CriException Bad(string what) => CriException.Precondition($"The seccomp profile {subject} {what}.");
}
