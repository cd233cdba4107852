using System.Globalization;
using System.Text;
using Crisp.Linux;

namespace Crisp.Cgroups.V2;

internal sealed partial class V2Cgroup
{
    public void Apply(CgroupLimits limits)
    {
        LimitsCheck.Check(limits);
        foreach (var name in limits.Unified.Keys)
        {
            CheckUnified(name);
        }

        ApplyCpu(limits);
        ApplyMemory(limits);
        if (limits.PidsLimit is { } pids and not 0)
        {
            Set("pids.max", Max(pids));
        }

        foreach (var (size, bytes) in limits.HugepageLimits)
        {
            ApplyHugepages(size, bytes);
        }

        if (limits.BlkioWeight is { } weight and not 0)
        {
            ApplyIoWeight(weight);
        }

        foreach (var (name, value) in limits.Unified)
        {
            Set(name, value);
        }
    }

    public CgroupLimits ReadLimits(LimitParts parts = LimitParts.All)
    {
        Span<byte> buffer = stackalloc byte[64];
        var weight = Limit("cpu.weight");
        var cpu = Read("cpu.max", buffer);
        var space = cpu.IndexOf((byte)' ');
        long? quota = space < 0 ? null : FlatKeyed.Limit(cpu);
        ulong? period = space < 0 ? null : FlatKeyed.Number(cpu[(space + 1)..]);
        var memory = Limit("memory.max");
        var swap = Limit("memory.swap.max");
        var limits = new CgroupLimits
        {
            CpuShares = weight is { } w ? CpuShares.FromWeight((ulong)w) : null,
            CpuQuota = quota,
            CpuPeriod = period,
            MemoryLimit = memory,
            MemorySwapLimit = memory is null || swap is null ? null : memory == -1 || swap == -1 ? -1 : memory + swap,
        };
        if (parts == LimitParts.CpuAndMemory)
        {
            return limits;
        }

        var bfq = CgroupFile.TryReadText(At("io.bfq.weight"));
        var io = CgroupFile.TryReadText(At("io.weight"));
        return limits with
        {
            CpusetCpus = CgroupFile.TryReadText(At("cpuset.cpus")),
            CpusetMems = CgroupFile.TryReadText(At("cpuset.mems")),
            PidsLimit = Limit("pids.max"),
            HugepageLimits = HugepageFiles.ReadLimits(directory, ".max"),
            BlkioWeight = bfq is not null ? (ushort)DefaultWeight(bfq) : io is not null ? IoWeight.ToBlkio(DefaultWeight(io)) : null,
        };
    }

    private void ApplyCpu(CgroupLimits limits)
    {
        if (limits.CpuShares is { } shares and not 0)
        {
            Set("cpu.weight", CpuShares.ToWeight(shares).ToString(CultureInfo.InvariantCulture));
        }

        // One file holds both: a quota alone leaves the period, a period alone needs the quota that is there.
        var quota = limits.CpuQuota is { } q and not 0 ? Max(q) : null;
        if (limits.CpuPeriod is { } period and not 0)
        {
            quota ??= CgroupFile.TryReadText(At("cpu.max"))?.Split(' ')[0] ?? "max";
            Set("cpu.max", $"{quota} {period}");
        }
        else if (quota is not null)
        {
            Set("cpu.max", quota);
        }

        if (!string.IsNullOrEmpty(limits.CpusetCpus))
        {
            Set("cpuset.cpus", limits.CpusetCpus);
        }

        if (!string.IsNullOrEmpty(limits.CpusetMems))
        {
            Set("cpuset.mems", limits.CpusetMems);
        }
    }

    // Limits of memory and of swap are independent here, so their order does not matter.
    private void ApplyMemory(CgroupLimits limits)
    {
        var memory = limits.MemoryLimit is { } m and not 0 ? m : (long?)null;
        if (limits.MemorySwapLimit is { } both and not 0)
        {
            var effective = memory ?? CgroupFile.TryReadLimit(At("memory.max")) ?? -1;
            LimitsCheck.CheckSwap(effective, both);
            var swap = both == -1 ? "max" : (both - effective).ToString(CultureInfo.InvariantCulture);

            // Without swap accounting "none" and "all" are what there is, and the kubelet asks for none.
            if (swap is not ("0" or "max") || CgroupFile.Exists(At("memory.swap.max")))
            {
                Set("memory.swap.max", swap);
            }
        }

        if (memory is { } limit)
        {
            Set("memory.max", Max(limit));
        }
    }

    private void ApplyHugepages(string size, ulong bytes)
    {
        if (HugepageFiles.IsNeeded(At($"hugetlb.{size}.max"), size, bytes))
        {
            var value = bytes.ToString(CultureInfo.InvariantCulture);
            Set($"hugetlb.{size}.max", value);
            if (CgroupFile.Exists(At($"hugetlb.{size}.rsvd.max")))
            {
                Set($"hugetlb.{size}.rsvd.max", value);
            }
        }
    }

    private void ApplyIoWeight(ushort weight)
    {
        if (CgroupFile.Exists(At("io.bfq.weight")))
        {
            Set("io.bfq.weight", weight.ToString(CultureInfo.InvariantCulture));
        }
        else
        {
            Set("io.weight", $"default {IoWeight.FromBlkio(weight)}");
        }
    }

    private void Set(string file, string value)
    {
        var errno = CgroupFile.TryWrite(At(file), value);
        if (errno == Errno.ENOENT && Exists)
        {
            throw new CgroupUnsupportedException(
                $"{file} cannot be set to \"{value}\": the cgroup {directory} has no such file. The {file[..file.IndexOf('.', StringComparison.Ordinal)]} controller or this feature of it is not in the kernel, or not enabled in {System.IO.Path.GetDirectoryName(directory)}/cgroup.subtree_control.");
        }

        if (errno != Errno.None)
        {
            throw new CgroupException($"write \"{value}\" to", At(file), errno);
        }
    }

    private static void CheckUnified(string name)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        var wrong = name.Contains('/', StringComparison.Ordinal) || name.Contains("..", StringComparison.Ordinal) || dot <= 0 || dot == name.Length - 1;

        // cgroup.procs, cgroup.kill and cgroup.freeze are no limits, and would undo what the runtime does.
        if (wrong || name.StartsWith("cgroup.", StringComparison.Ordinal))
        {
            throw new ArgumentException($"The unified resource \"{name}\" is not valid: expected the file name of a controller's limit, such as memory.high.");
        }
    }

    private static ulong DefaultWeight(string text)
        => FlatKeyed.Number(Encoding.UTF8.GetBytes(text.StartsWith("default ", StringComparison.Ordinal) ? text["default ".Length..] : text));

    private static string Max(long value) => value == -1 ? "max" : value.ToString(CultureInfo.InvariantCulture);
}
