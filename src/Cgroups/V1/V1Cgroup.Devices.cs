using Crisp.Linux;

namespace Crisp.Cgroups.V1;

internal sealed partial class V1Cgroup
{
    public void SetDeviceRules(IReadOnlyList<DeviceRule> rules)
    {
        if (Find("devices") is not { } directory)
        {
            DeviceFilter.Attach(Unified() ?? Require("devices"), rules);
            return;
        }

        var (allowAll, wanted) = DeviceWhitelist.Reduce(rules);
        var list = CgroupFile.TryReadText($"{directory}/devices.list") ?? throw new CgroupException("read", $"{directory}/devices.list", Errno.ENOENT);
        var present = new HashSet<string>(list.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var allowedBefore = present.Contains("a *:* rwm");
        if (allowAll)
        {
            if (!allowedBefore)
            {
                CgroupFile.Write($"{directory}/devices.allow", "a", Advice);
            }

            return;
        }

        if (allowedBefore)
        {
            CgroupFile.Write($"{directory}/devices.deny", "a", Advice);
            present.Clear();
        }

        // First what is new and then away with the rest, so that an update never takes a device that both lists have.
        foreach (var line in wanted)
        {
            if (!present.Contains(line))
            {
                CgroupFile.Write($"{directory}/devices.allow", line, Advice);
            }
        }

        foreach (var line in DeviceWhitelist.Surplus(present, wanted))
        {
            CgroupFile.Write($"{directory}/devices.deny", line, Advice);
        }
    }

    private static string? Advice(Errno errno) => errno switch
    {
        Errno.EPERM => "The parent cgroup does not allow it",
        Errno.EINVAL => "With cgroups below it the default cannot be changed",
        _ => null,
    };
}
