namespace Crisp.Cgroups;

/// <summary>What is wrong with limits on any machine.</summary>
internal static class LimitsCheck
{
    public static void Check(CgroupLimits limits)
    {
        Require(limits.CpuShares is null or 0 or (>= 2 and <= 262144), "CpuShares", limits.CpuShares, "2 to 262144");
        Require(limits.CpuQuota is null or >= -1, "CpuQuota", limits.CpuQuota, "microseconds, or -1 for no limit");
        Require(limits.CpuPeriod is null or 0 or (>= 1000 and <= 1000000), "CpuPeriod", limits.CpuPeriod, "1000 to 1000000 microseconds");
        Require(limits.MemoryLimit is null or >= -1, "MemoryLimit", limits.MemoryLimit, "bytes, or -1 for no limit");
        Require(limits.MemorySwapLimit is null or >= -1, "MemorySwapLimit", limits.MemorySwapLimit, "bytes, or -1 for no limit");
        Require(limits.PidsLimit is null or >= -1, "PidsLimit", limits.PidsLimit, "a number, or -1 for no limit");
        Require(limits.BlkioWeight is null or 0 or (>= 10 and <= 1000), "BlkioWeight", limits.BlkioWeight, "10 to 1000");
        CheckList("CpusetCpus", limits.CpusetCpus);
        CheckList("CpusetMems", limits.CpusetMems);
        foreach (var size in limits.HugepageLimits.Keys)
        {
            Require(size.EndsWith('B') && !size.Contains('/', StringComparison.Ordinal), "HugepageLimits", size, "a page size such as 2MB or 1GB");
        }
    }

    /// <summary>Memory and swap together are never less than memory.</summary>
    public static void CheckSwap(long memory, long swap)
    {
        if (swap > 0 && (memory == -1 || swap < memory))
        {
            throw new ArgumentException(
                $"MemorySwapLimit {swap} is memory and swap together, and cannot be less than the memory limit, {(memory == -1 ? "which is none" : memory)}.");
        }
    }

    private static void CheckList(string name, string? list)
    {
        foreach (var c in list ?? "")
        {
            Require(char.IsAsciiDigit(c) || c is ',' or '-', name, list, "a list such as 0-3,7");
        }
    }

    private static void Require(bool valid, string name, object? value, string expected)
    {
        if (!valid)
        {
            throw new ArgumentException($"{name} \"{value}\" is not valid: expected {expected}.");
        }
    }
}
