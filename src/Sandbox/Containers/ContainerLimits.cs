using Crisp.Cgroups;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Containers;

/// <summary>The specification's words for limits in those of src/Cgroups.</summary>
internal static class ContainerLimits
{
    public static CgroupLimits From(ResourcesSpec spec) => new()
    {
        CpuShares = spec.CpuShares,
        CpuQuota = spec.CpuQuota,
        CpuPeriod = spec.CpuPeriod,
        CpusetCpus = spec.CpusetCpus,
        CpusetMems = spec.CpusetMems,
        MemoryLimit = spec.MemoryLimit,
        MemorySwapLimit = spec.MemorySwapLimit,
        PidsLimit = spec.PidsLimit,
        HugepageLimits = spec.HugepageLimits,
        BlkioWeight = spec.BlkioWeight,
        Unified = spec.Unified,
    };

    /// <exception cref="ArgumentException">A rule's access is no subset of "rwm".</exception>
    public static DeviceRule[] From(IReadOnlyList<DeviceRuleSpec> rules)
    {
        var result = new DeviceRule[rules.Count];
        for (var i = 0; i < result.Length; i++)
        {
            var rule = rules[i];
            result[i] = new DeviceRule(rule.Allow, rule.Type, rule.Major, rule.Minor, DeviceRule.ParseAccess(rule.Access));
        }

        return result;
    }
}
