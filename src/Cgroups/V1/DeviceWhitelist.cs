namespace Crisp.Cgroups.V1;

/// <summary>
/// cgroup-v1/devices.rst: the controller has a default and a list of exceptions, not an order of rules. A rule that denies
/// removes equal exceptions only, and is without effect on a wider one: such holes are refused here, not passed over.
/// </summary>
internal static class DeviceWhitelist
{
    /// <summary>The state that the rules lead to, the last match winning, from a default of deny.</summary>
    /// <returns>Everything is allowed; else the exceptions as devices.allow takes them, one for each device.</returns>
    public static (bool AllowAll, List<string> Allowed) Reduce(IReadOnlyList<DeviceRule> rules)
    {
        var allowAll = false;
        var exceptions = new List<DeviceRule>();
        foreach (var rule in rules)
        {
            rule.Validate();
            if (rule is { Type: 'a', Major: null, Minor: null, Access: DeviceAccess.All })
            {
                allowAll = rule.Allow;
                exceptions.Clear();
                continue;
            }

            // The kernel takes "a" for everything whatever stands behind it, so it becomes two rules.
            foreach (var type in rule.Type == 'a' ? (ReadOnlySpan<char>)['b', 'c'] : [rule.Type])
            {
                Merge(exceptions, rule with { Type = type }, allowAll);
            }
        }

        return (allowAll, exceptions.ConvertAll(e => e.ToString()));
    }

    /// <summary>Lines of devices.list that are to go, cut down to the accesses that no wanted line has for the same device.</summary>
    public static List<string> Surplus(IEnumerable<string> present, List<string> wanted)
    {
        var surplus = new List<string>();
        foreach (var line in present)
        {
            var space = line.LastIndexOf(' ');
            var keep = DeviceAccess.None;
            foreach (var other in wanted)
            {
                if (other.StartsWith(line[..(space + 1)], StringComparison.Ordinal))
                {
                    keep |= DeviceRule.ParseAccess(other[(space + 1)..]);
                }
            }

            var gone = "";
            foreach (var letter in line[(space + 1)..])
            {
                gone += (DeviceRule.ParseAccess(letter.ToString()) & keep) == 0 ? letter.ToString() : "";
            }

            if (gone.Length > 0)
            {
                surplus.Add(line[..(space + 1)] + gone);
            }
        }

        return surplus;
    }

    private static void Merge(List<DeviceRule> exceptions, DeviceRule rule, bool allowAll)
    {
        if (allowAll)
        {
            if (!rule.Allow)
            {
                throw new CgroupUnsupportedException($"The device rule that denies \"{rule}\" after everything is allowed needs cgroup v2.");
            }

            return;
        }

        for (var i = exceptions.Count - 1; i >= 0; i--)
        {
            var other = exceptions[i];
            var same = other.Type == rule.Type && other.Major == rule.Major && other.Minor == rule.Minor;
            if (same && rule.Allow)
            {
                exceptions[i] = other with { Access = other.Access | rule.Access };
                return;
            }

            if (!rule.Allow && Overlaps(other, rule))
            {
                var left = other.Access & ~rule.Access;
                if (left != other.Access && !Covers(rule, other))
                {
                    throw new CgroupUnsupportedException($"The device rule that denies \"{rule}\" makes a hole in \"{other}\", which needs cgroup v2.");
                }

                exceptions[i] = other with { Access = left };
                if (left == DeviceAccess.None)
                {
                    exceptions.RemoveAt(i);
                }
            }
        }

        if (rule.Allow)
        {
            exceptions.Add(rule);
        }
    }

    private static bool Overlaps(DeviceRule a, DeviceRule b) => a.Type == b.Type
        && (a.Major is null || b.Major is null || a.Major == b.Major)
        && (a.Minor is null || b.Minor is null || a.Minor == b.Minor);

    private static bool Covers(DeviceRule wide, DeviceRule narrow)
        => (wide.Major is null || wide.Major == narrow.Major) && (wide.Minor is null || wide.Minor == narrow.Minor);
}
