using System.Globalization;
using System.Text;

namespace Crisp.Linux.Plans;

/// <summary>
/// Writes a plan for people, in strace's manner: one numbered line for each step, and a line with # before steps that serve a
/// new purpose. Constants lose the prefix of their family: <c>7  move_mount(rootfs, "", root, "", F_EMPTY_PATH|T_EMPTY_PATH)</c>.
/// </summary>
public static class PlanPrinter
{
    /// <summary>The line for the call that begins a launch.</summary>
    public static string PrintLaunch(NamespaceFlags namespaces, bool intoCgroup)
    {
        var flags = "PIDFD|CLEAR_SIGHAND" + (namespaces == NamespaceFlags.None ? "" : "|" + SymbolTable.Format((long)namespaces, ArgumentFormat.NamespaceFlags));
        return intoCgroup ? $"    clone3({flags}|INTO_CGROUP, cgroup)\n" : $"    clone3({flags})\n";
    }

    public static string Print(Plan plan)
    {
        var text = new StringBuilder();
        var label = string.Empty;
        for (var i = 0; i < plan.Steps.Length; i++)
        {
            var step = plan.Steps[i];
            if (step.Label != label)
            {
                label = step.Label;
                text.Append("# ").Append(label).Append('\n');
            }

            text.Append(CultureInfo.InvariantCulture, $"{i,2}  ");
            Append(text, plan, step);
            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>What a step is about: its path or name, otherwise its first descriptor, otherwise its numbers that are not 0.</summary>
    internal static string? SubjectOf(Plan plan, PlanStep step)
    {
        if (step.Subject is { } text)
        {
            return text;
        }

        if (step.Operation == PlanOperation.Clone)
        {
            return Format(plan, step.Arguments[0]);
        }

        foreach (var argument in step.Arguments)
        {
            if (argument.Kind is ArgumentKind.Descriptor or ArgumentKind.Result)
            {
                return Format(plan, argument);
            }

            if (argument.Format == ArgumentFormat.Descriptor)
            {
                return $"fd {argument.Value}";
            }
        }

        var numbers = step.Arguments.Where(a => a is { Kind: ArgumentKind.Literal, Value: not 0 }).Select(a => Format(plan, a));
        return string.Join(", ", numbers);
    }

    private static void Append(StringBuilder text, Plan plan, PlanStep step)
    {
        if (step.ResultName is not null)
        {
            text.Append(step.ResultName).Append(" = ");
        }

        text.Append(step.CallName);
        if (step.Operation is not (PlanOperation.SignalsDefault or PlanOperation.Pause))
        {
            text.Append('(').AppendJoin(", ", step.Arguments.Select(a => Format(plan, a))).Append(')');
        }

        if (step.Accepted.Count > 0)
        {
            text.Append(" or ").AppendJoin('|', step.Accepted);
        }

        if (step.Unless is { } other)
        {
            text.Append(" unless ").Append(NameOf(plan, other));
        }
    }

    private static string Format(Plan plan, PlanArgument argument) => argument.Kind switch
    {
        ArgumentKind.Descriptor => plan.Descriptors[(int)argument.Value].Name,
        ArgumentKind.Result => NameOf(plan, (int)argument.Value),
        ArgumentKind.Data => Format(argument.Source),
        _ => SymbolTable.Format(argument.Value, argument.Format),
    };

    private static string NameOf(Plan plan, int step) => plan.Steps[step].ResultName ?? $"result of {step}";

    private static string Format(object? source) => source switch
    {
        string text => Quote(text),
        IEnumerable<string> texts => $"[{string.Join(", ", texts.Select(Quote))}]",
        GroupsSource groups => $"[{string.Join(", ", groups.Groups)}]",
        SignalsSource signals => $"[{string.Join(", ", signals.Signals)}]",
        SymbolSource symbol => symbol.Name,
        CloneSource clone => SymbolTable.Format((long)clone.Namespaces, ArgumentFormat.NamespaceFlags)
            + (clone.Cgroup is null ? string.Empty : $" into {clone.Cgroup}"),
        FilterSource filter => $"{{{filter.Instructions} instructions}}",
        RlimitSource limit => $"{{{Limit(limit.Soft)}, {Limit(limit.Hard)}}}",
        OpenHowSource how => $"{{{SymbolTable.Format((long)how.Flags, ArgumentFormat.OpenFlags)}, "
            + $"{SymbolTable.Format(how.Mode, ArgumentFormat.Octal)}, {SymbolTable.Format((long)how.Resolve, ArgumentFormat.ResolveFlags)}}}",
        MountAttrSource attr => $"{{set={SymbolTable.Format((long)attr.Set, ArgumentFormat.MountAttributes)}, "
            + $"clr={SymbolTable.Format((long)attr.Clear, ArgumentFormat.MountAttributes)}, "
            + $"propagation={SymbolTable.Format((long)attr.Propagation, ArgumentFormat.MountFlags)}}}",
        CapabilitySource sets => $"{{effective={Capabilities(sets.Effective)}, permitted={Capabilities(sets.Permitted)}, "
            + $"inheritable={Capabilities(sets.Inheritable)}}}",
        _ => "NULL",
    };

    private static string Limit(ulong value) => value == ulong.MaxValue ? "INFINITY" : value.ToString(CultureInfo.InvariantCulture);

    private static string Capabilities(CapabilitySet set) => set.IsEmpty ? "0" : set.ToString();

    /// <summary>A C string literal: what is not printable ASCII is escaped, so that a plan's line stays one line.</summary>
    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' or '\\' => quoted.Append('\\').Append(c),
                '\n' => quoted.Append("\\n"),
                < ' ' or > '~' => quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => quoted.Append(c),
            };
        }

        return quoted.Append('"').ToString();
    }
}
