using Crisp.Cgroups;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

/// <summary>
/// A container's resources as its cgroup holds them. The record knows what was asked for; an administrator, or a resize that
/// the kernel cut short, may have left something else, and the kubelet decides by what is.
/// </summary>
/// <remarks>
/// What the cgroup holds is not always what was written: v2 keeps a weight for many values of shares, and limits of memory are
/// rounded to pages. Where the held value is what the kernel makes of the asked one, the asked one is told.
/// </remarks>
public static class HeldResources
{
    private const ulong DefaultShares = 1024;

    /// <param name="asked">From the record.</param>
    /// <param name="held">From the cgroup; null where the machine has no such control, which leaves what was asked.</param>
    public static ResourcesSpec Of(ResourcesSpec asked, CgroupLimits held) => asked with
    {
        CpuShares = Shares(asked.CpuShares, held.CpuShares),
        CpuPeriod = asked.CpuPeriod is null && Unlimited(held.CpuQuota) ? null : held.CpuPeriod ?? asked.CpuPeriod,
        CpuQuota = Limit(asked.CpuQuota, held.CpuQuota),
        CpusetCpus = asked.CpusetCpus is null ? null : List(asked.CpusetCpus, held.CpusetCpus),
        CpusetMems = asked.CpusetMems is null ? null : List(asked.CpusetMems, held.CpusetMems),
        MemoryLimit = Bytes(asked.MemoryLimit, held.MemoryLimit),
        MemorySwapLimit = Bytes(asked.MemorySwapLimit, held.MemorySwapLimit),
    };

    private static ulong? Shares(ulong? asked, ulong? held)
    {
        if (held is not { } shares)
        {
            return asked;
        }

        var same = CpuShares.ToWeight(asked ?? DefaultShares) == CpuShares.ToWeight(shares);
        return same ? asked : shares;
    }

    private static long? Bytes(long? asked, long? held)
        => asked > 0 && held > 0 && asked / Environment.SystemPageSize == held / Environment.SystemPageSize ? asked : Limit(asked, held);

    // Nothing asked and nothing held is nothing to tell, while "no limit" that was asked for is.
    private static long? Limit(long? asked, long? held) => held is null || (asked is null && held == -1) ? asked : held;

    private static bool Unlimited(long? held) => held is null or -1;

    // An empty list inherits the parent's.
    private static string List(string asked, string? held) => string.IsNullOrEmpty(held) ? asked : held;
}
