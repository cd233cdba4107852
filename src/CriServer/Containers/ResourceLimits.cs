using System.Text.RegularExpressions;
using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

/// <summary>CRI LinuxContainerResources, checked, to and from the specification's words.</summary>
public static partial class ResourceLimits
{
    /// <summary>What the request sets; in CRI 0 and empty leave a control as it is.</summary>
    /// <param name="swapLimits">Whether the node accounts for swap: a memory limit then is one for memory and swap together.</param>
    public static ResourcesSpec From(LinuxContainerResources? asked, bool swapLimits)
    {
        if (asked is null)
        {
            return new ResourcesSpec();
        }

        Check("cpu_period", asked.CpuPeriod, asked.CpuPeriod is 0 or (>= 1000 and <= 1_000_000), "1000..1000000 microseconds");
        Check("cpu_quota", asked.CpuQuota, asked.CpuQuota is 0 or -1 or >= 1000, "-1, or from 1000 microseconds");
        Check("cpu_shares", asked.CpuShares, asked.CpuShares is 0 or (>= 2 and <= 262144), "2..262144");
        Check("memory_limit_in_bytes", asked.MemoryLimitInBytes, asked.MemoryLimitInBytes >= -1, "-1, or from 1 byte");
        Check("memory_swap_limit_in_bytes", asked.MemorySwapLimitInBytes, asked.MemorySwapLimitInBytes >= -1, "-1, or from 1 byte");
        Check("oom_score_adj", asked.OomScoreAdj, asked.OomScoreAdj is >= -1000 and <= 1000, "-1000..1000");
        Check("cpuset_cpus", asked.CpusetCpus, CpuList().IsMatch(asked.CpusetCpus), "a list such as 0-3,8");
        Check("cpuset_mems", asked.CpusetMems, CpuList().IsMatch(asked.CpusetMems), "a list such as 0-1");
        var (memory, swap) = (asked.MemoryLimitInBytes, asked.MemorySwapLimitInBytes);
        if (swap > 0 && (memory == -1 || memory > swap))
        {
            throw CriException.Invalid($"memory_swap_limit_in_bytes is {swap}: memory and swap together cannot be less than the memory limit, {memory}.");
        }

        return new ResourcesSpec
        {
            CpuPeriod = asked.CpuPeriod == 0 ? null : (ulong)asked.CpuPeriod,
            CpuQuota = asked.CpuQuota == 0 ? null : asked.CpuQuota,
            CpuShares = asked.CpuShares == 0 ? null : (ulong)asked.CpuShares,
            CpusetCpus = asked.CpusetCpus.Length == 0 ? null : asked.CpusetCpus,
            CpusetMems = asked.CpusetMems.Length == 0 ? null : asked.CpusetMems,
            MemoryLimit = memory == 0 ? null : memory,
            MemorySwapLimit = !swapLimits ? null : swap != 0 ? swap : memory != 0 ? memory : null,
            HugepageLimits = Hugepages(asked),
            Unified = Unified(asked),
        };
    }

    /// <summary>The specification after an update: what the update leaves alone stays.</summary>
    public static ResourcesSpec Merge(ResourcesSpec old, ResourcesSpec update) => old with
    {
        CpuPeriod = update.CpuPeriod ?? old.CpuPeriod,
        CpuQuota = update.CpuQuota ?? old.CpuQuota,
        CpuShares = update.CpuShares ?? old.CpuShares,
        CpusetCpus = update.CpusetCpus ?? old.CpusetCpus,
        CpusetMems = update.CpusetMems ?? old.CpusetMems,
        MemoryLimit = update.MemoryLimit ?? old.MemoryLimit,
        MemorySwapLimit = update.MemorySwapLimit ?? old.MemorySwapLimit,
        PidsLimit = update.PidsLimit ?? old.PidsLimit,
        BlkioWeight = update.BlkioWeight ?? old.BlkioWeight,
        HugepageLimits = Merge(old.HugepageLimits, update.HugepageLimits),
        Unified = Merge(old.Unified, update.Unified),
    };

    public static LinuxContainerResources ToCri(ResourcesSpec spec, int? oomScoreAdj)
    {
        var resources = new LinuxContainerResources
        {
            CpuPeriod = (long)(spec.CpuPeriod ?? 0),
            CpuQuota = spec.CpuQuota ?? 0,
            CpuShares = (long)(spec.CpuShares ?? 0),
            CpusetCpus = spec.CpusetCpus ?? "",
            CpusetMems = spec.CpusetMems ?? "",
            MemoryLimitInBytes = spec.MemoryLimit ?? 0,
            MemorySwapLimitInBytes = spec.MemorySwapLimit ?? 0,
            OomScoreAdj = oomScoreAdj ?? 0,
        };
        resources.HugepageLimits.AddRange(spec.HugepageLimits.Select(h => new HugepageLimit { PageSize = h.Key, Limit = h.Value }));
        resources.Unified.Add(spec.Unified.ToDictionary());
        return resources;
    }

    private static Dictionary<string, TValue> Merge<TValue>(IReadOnlyDictionary<string, TValue> old, IReadOnlyDictionary<string, TValue> update)
    {
        var merged = old.ToDictionary();
        foreach (var (key, value) in update)
        {
            merged[key] = value;
        }

        return merged;
    }

    private static Dictionary<string, ulong> Hugepages(LinuxContainerResources asked)
    {
        var limits = new Dictionary<string, ulong>(StringComparer.Ordinal);
        foreach (var limit in asked.HugepageLimits)
        {
            Check("hugepage_limits.page_size", limit.PageSize, PageSize().IsMatch(limit.PageSize), "a number with KB, MB or GB, such as 2MB");
            limits[limit.PageSize] = limit.Limit;
        }

        return limits;
    }

    // A key is the name of one file of the cgroup: with a slash in it, it would be a file of the node.
    private static Dictionary<string, string> Unified(LinuxContainerResources asked)
    {
        foreach (var (key, value) in asked.Unified)
        {
            Check("unified", key, UnifiedFile().IsMatch(key), "the name of a cgroup v2 file, such as memory.high");
            Check($"unified[{key}]", value, !value.Contains('\0', StringComparison.Ordinal), "text without NUL");
        }

        return asked.Unified.ToDictionary();
    }

    private static void Check<T>(string field, T value, bool good, string range)
    {
        if (!good)
        {
            throw CriException.Invalid($"{field} is \"{value}\"; it must be {range}.");
        }
    }

    [GeneratedRegex(@"\A([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?\z")]
    private static partial Regex CpuList();

    [GeneratedRegex(@"\A[1-9][0-9]*[KMG]B\z")]
    private static partial Regex PageSize();

    [GeneratedRegex(@"\A[a-z0-9_]+(\.[A-Za-z0-9_]+)+\z")]
    private static partial Regex UnifiedFile();
}
