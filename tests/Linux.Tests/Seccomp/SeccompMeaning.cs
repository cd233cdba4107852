using Crisp.Linux.Seccomp;

namespace Crisp.Linux.Tests.Seccomp;

/// <summary>What a policy says of one call, read from the policy rule by rule: slow, and nothing like the compiler.</summary>
internal sealed class SeccompMeaning
{
    private readonly SeccompPolicy _policy;
    private readonly Dictionary<(SeccompArchitecture, uint), string> _names = [];
    private readonly Dictionary<SeccompArchitecture, uint> _last = [];

    internal SeccompMeaning(SeccompPolicy policy)
    {
        _policy = policy;
        foreach (var architecture in Enum.GetValues<SeccompArchitecture>())
        {
            foreach (var name in SystemCallTable.Names)
            {
                if (SystemCallTable.Find(name, architecture) is { } number)
                {
                    _names[(architecture, number)] = name;
                }
            }

            var named = policy.Rules.SelectMany(r => r.Names).Where(n => SystemCallTable.Find(n, architecture) is not null).ToList();
            if (architecture == SeccompArchitecture.X86)
            {
                named.AddRange(policy.Rules.Where(r => r.Conditions.Count == 0).SelectMany(r => r.Names).Select(Behind).OfType<string>());
            }

            if (named.Count > 0)
            {
                _last[architecture] = named.Max(n => SystemCallTable.Find(n, architecture)!.Value);
            }
        }
    }

    internal uint Of(SeccompCall call)
    {
        var architecture = call.Architecture;
        if (!_policy.Architectures.Contains(architecture))
        {
            return SeccompAnswer.KillThread;
        }

        if (_last.TryGetValue(architecture, out var last) && call.Number > last && !SeccompAnswer.IsPermissive(_policy.DefaultAnswer))
        {
            return SeccompAnswer.Errno(38);
        }

        if (!_names.TryGetValue((architecture, call.Number), out var name))
        {
            return _policy.DefaultAnswer;
        }

        var rules = _policy.Rules.Where(r => r.Answer != _policy.DefaultAnswer).ToList();
        var always = rules.Where(r => r.Conditions.Count == 0);
        if (always.FirstOrDefault(r => r.Names.Contains(name)) is { } unconditional)
        {
            return unconditional.Answer;
        }

        var answers = rules.Where(r => r.Names.Contains(name) && r.Conditions.All(c => Holds(c, call))).Select(r => r.Answer);
        if (architecture == SeccompArchitecture.X86 && name is "socketcall" or "ipc")
        {
            answers = answers.Concat(always.Where(r => r.Names.Any(n => Behind(n) == name && CallOf(n) == Selected(name, call))).Select(r => r.Answer));
        }

        return answers.DefaultIfEmpty(_policy.DefaultAnswer).MinBy(SeccompAnswer.Rank);
    }

    private static bool Holds(SeccompCondition condition, SeccompCall call)
    {
        var cut = call.Architecture == SeccompArchitecture.X86_64 ? ulong.MaxValue : uint.MaxValue;
        var (argument, value) = (call.Arguments[condition.Argument] & cut, condition.Value & cut);
        return condition.Comparison switch
        {
            SeccompComparison.NotEqual => argument != value,
            SeccompComparison.Less => argument < value,
            SeccompComparison.LessOrEqual => argument <= value,
            SeccompComparison.Equal => argument == value,
            SeccompComparison.GreaterOrEqual => argument >= value,
            SeccompComparison.Greater => argument > value,
            SeccompComparison.MaskedEqual => (argument & condition.Mask & cut) == value,
            _ => throw new ArgumentOutOfRangeException(nameof(condition)),
        };
    }

    private static ulong Selected(string through, SeccompCall call) => through == "ipc" ? call.Arguments[0] & 0xFFFF : call.Arguments[0] & uint.MaxValue;

    private static string? Behind(string name) => Multiplexer.Find(name)?.Through;

    private static ulong CallOf(string name) => Multiplexer.Find(name)!.Value.Condition.Value;
}
