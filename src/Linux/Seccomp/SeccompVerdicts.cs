namespace Crisp.Linux.Seccomp;

/// <summary>What a policy says of the system calls of one architecture, by their numbers.</summary>
internal sealed class SeccompVerdicts
{
    private readonly SortedDictionary<uint, List<SeccompRule>> _rules = [];

    internal SeccompVerdicts(SeccompPolicy policy, SeccompArchitecture architecture)
    {
        Default = policy.DefaultAnswer;
        uint? last = null;
        foreach (var rule in policy.Rules)
        {
            foreach (var name in rule.Names)
            {
                if (SystemCallTable.Find(name, architecture) is { } number)
                {
                    Add(number, rule);
                }

                // What the conditions ask for cannot be seen there, so that nothing is said of it.
                if (architecture == SeccompArchitecture.X86 && rule.Conditions.Count == 0 && Multiplexer.Find(name) is { } other)
                {
                    Add(SystemCallTable.Find(other.Through, architecture)!.Value, rule with { Conditions = [other.Condition] });
                }
            }
        }

        // Programs try a newer call and do with an older one when it is ENOSYS; whoever wrote the profile did not mean to
        // refuse calls that did not exist then.
        Beyond = SeccompAnswer.IsPermissive(Default) || Default == SeccompAnswer.Errno((ushort)Errno.ENOSYS) || last is null
            ? Default
            : SeccompAnswer.Errno((ushort)Errno.ENOSYS);
        AfterLast = (last ?? 0) + 1;

        void Add(uint number, SeccompRule rule)
        {
            last = Math.Max(last ?? 0, number);
            if (rule.Answer != Default)
            {
                _rules.TryAdd(number, []);
                _rules[number].Add(rule);
            }
        }
    }

    internal uint Default { get; }

    /// <summary>The answer from <see cref="AfterLast"/> on: to system calls that are newer than the profile.</summary>
    internal uint Beyond { get; }

    internal uint AfterLast { get; }

    /// <summary>The calls that have an answer other than the default, ascending.</summary>
    internal IEnumerable<(uint Number, List<SeccompRule> Rules)> Calls
    {
        get
        {
            foreach (var (number, rules) in _rules)
            {
                yield return (number, Reduce(rules));
            }
        }
    }

    private static List<SeccompRule> Reduce(List<SeccompRule> rules)
        => rules.Find(r => r.Conditions.Count == 0) is { } always
            ? [always]
            : [.. rules.OrderBy(r => SeccompAnswer.Rank(r.Answer))];
}
