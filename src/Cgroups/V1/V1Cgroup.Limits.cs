using System.Globalization;
using Crisp.Linux;

namespace Crisp.Cgroups.V1;

internal sealed partial class V1Cgroup
{
    public void Apply(CgroupLimits limits)
    {
        LimitsCheck.Check(limits);
        foreach (var name in limits.Unified.Keys)
        {
            throw new CgroupUnsupportedException($"The unified resource \"{name}\" needs cgroup v2, and this machine has v1.");
        }

        if (limits.CpuShares is { } shares and not 0)
        {
            Set("cpu", "cpu.shares", shares.ToString(CultureInfo.InvariantCulture));
        }

        ApplyQuota(limits);
        if (!string.IsNullOrEmpty(limits.CpusetCpus))
        {
            Set("cpuset", "cpuset.cpus", limits.CpusetCpus);
        }

        if (!string.IsNullOrEmpty(limits.CpusetMems))
        {
            Set("cpuset", "cpuset.mems", limits.CpusetMems);
        }

        ApplyMemory(limits);
        if (limits.PidsLimit is { } pids and not 0)
        {
            Set("pids", "pids.max", pids == -1 ? "max" : pids.ToString(CultureInfo.InvariantCulture));
        }

        foreach (var (size, bytes) in limits.HugepageLimits)
        {
            ApplyHugepages(size, bytes);
        }

        if (limits.BlkioWeight is { } weight and not 0)
        {
            // blkio.weight went with the CFQ scheduler (Linux 5.0); BFQ has its own.
            var file = CgroupFile.Exists($"{Require("blkio")}/blkio.weight") ? "blkio.weight" : "blkio.bfq.weight";
            Set("blkio", file, weight.ToString(CultureInfo.InvariantCulture));
        }
    }

    public CgroupLimits ReadLimits(LimitParts parts = LimitParts.All)
    {
        var limits = new CgroupLimits
        {
            CpuShares = (ulong?)Limit("cpu", "cpu.shares"),
            CpuQuota = Limit("cpu", "cpu.cfs_quota_us"),
            CpuPeriod = (ulong?)Limit("cpu", "cpu.cfs_period_us"),
            MemoryLimit = Limit("memory", "memory.limit_in_bytes"),
            MemorySwapLimit = Limit("memory", "memory.memsw.limit_in_bytes"),
        };
        if (parts == LimitParts.CpuAndMemory)
        {
            return limits;
        }

        return limits with
        {
            CpusetCpus = Find("cpuset") is { } c ? CgroupFile.TryReadText($"{c}/cpuset.cpus") : null,
            CpusetMems = Find("cpuset") is { } m ? CgroupFile.TryReadText($"{m}/cpuset.mems") : null,
            PidsLimit = Limit("pids", "pids.max"),
            HugepageLimits = Find("hugetlb") is { } h ? HugepageFiles.ReadLimits(h, ".limit_in_bytes") : new Dictionary<string, ulong>(),
            BlkioWeight = (ushort?)(Limit("blkio", "blkio.weight") ?? Limit("blkio", "blkio.bfq.weight")),
        };
    }

    private void ApplyQuota(CgroupLimits limits)
    {
        var quota = limits.CpuQuota is { } q and not 0 ? q.ToString(CultureInfo.InvariantCulture) : null;
        var period = limits.CpuPeriod is { } p and not 0 ? p.ToString(CultureInfo.InvariantCulture) : null;

        // Each write is checked against the parent's ratio (EINVAL) with the other value as it is; the other order may pass.
        var periodFirst = period is not null && CgroupFile.TryWrite($"{Require("cpu")}/cpu.cfs_period_us", period) == Errno.None;
        if (quota is not null)
        {
            Set("cpu", "cpu.cfs_quota_us", quota);
        }

        if (period is not null && !periodFirst)
        {
            Set("cpu", "cpu.cfs_period_us", period);
        }
    }

    /// <summary>The kernel demands limit ≤ memsw at every moment, so the one that makes room goes first.</summary>
    private void ApplyMemory(CgroupLimits limits)
    {
        var memory = limits.MemoryLimit is { } m and not 0 ? m : (long?)null;
        var swap = limits.MemorySwapLimit is { } s and not 0 ? s : (long?)null;
        if (memory is null && swap is null)
        {
            return;
        }

        var directory = Require("memory");
        var current = CgroupFile.TryReadLimit($"{directory}/memory.limit_in_bytes") ?? -1;
        var currentSwap = CgroupFile.TryReadLimit($"{directory}/memory.memsw.limit_in_bytes");
        if (swap is { } both)
        {
            LimitsCheck.CheckSwap(memory ?? current, both);
        }

        if (currentSwap is null)
        {
            // Without swap accounting "no swap" and "no limit" are what there is, and the kubelet asks for one of them.
            swap = swap is null or -1 || swap == (memory ?? current) ? null : swap;
        }
        else if (memory == -1 && swap is null && currentSwap != -1)
        {
            swap = -1;
        }
        else if (swap is null && memory > currentSwap && currentSwap != -1)
        {
            throw new ArgumentException($"MemoryLimit {memory} is more than the limit of memory and swap together, {currentSwap}: raise MemorySwapLimit too.");
        }

        var swapFirst = swap == -1 || (current != -1 && swap >= current);
        if (swapFirst)
        {
            SetMemory("memory.memsw.limit_in_bytes", swap);
        }

        SetMemory("memory.limit_in_bytes", memory);
        if (!swapFirst)
        {
            SetMemory("memory.memsw.limit_in_bytes", swap);
        }
    }

    private void SetMemory(string file, long? value)
    {
        if (value is { } bytes)
        {
            Set("memory", file, bytes.ToString(CultureInfo.InvariantCulture));
        }
    }

    private void ApplyHugepages(string size, ulong bytes)
    {
        var directory = Find("hugetlb") ?? $"(no hugetlb hierarchy)/{path}";
        if (HugepageFiles.IsNeeded($"{directory}/hugetlb.{size}.limit_in_bytes", size, bytes))
        {
            var value = bytes.ToString(CultureInfo.InvariantCulture);
            Set("hugetlb", $"hugetlb.{size}.limit_in_bytes", value);
            if (CgroupFile.Exists($"{directory}/hugetlb.{size}.rsvd.limit_in_bytes"))
            {
                Set("hugetlb", $"hugetlb.{size}.rsvd.limit_in_bytes", value);
            }
        }
    }

    private void Set(string controller, string file, string value)
    {
        var directory = Require(controller);
        var errno = CgroupFile.TryWrite($"{directory}/{file}", value);
        if (errno == Errno.ENOENT && Directory.Exists(directory))
        {
            throw new CgroupUnsupportedException($"{file} cannot be set to \"{value}\": the cgroup {directory} has no such file, so this kernel lacks that part of the {controller} controller.");
        }

        if (errno != Errno.None)
        {
            throw new CgroupException($"write \"{value}\" to", $"{directory}/{file}", errno, (errno, controller) switch
            {
                (Errno.EBUSY, "memory") => $"The cgroup uses {CgroupFile.TryReadText($"{directory}/memory.usage_in_bytes")} bytes, which cannot be reclaimed below the new limit",
                (Errno.EACCES, "cpuset") => "The parent cgroup does not have these",
                _ => null,
            });
        }
    }
}
