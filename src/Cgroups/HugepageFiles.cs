namespace Crisp.Cgroups;

/// <summary>Reads a file of one cgroup by its name, as <see cref="CgroupFile.TryRead(string, Span{byte})"/>.</summary>
internal delegate ReadOnlySpan<byte> CgroupRead(string file, Span<byte> buffer);

/// <summary>hugetlb.SIZE.* files (cgroup-v1/hugetlb.rst, cgroup-v2.rst "HugeTLB").</summary>
internal static class HugepageFiles
{
    /// <summary>
    /// Whether to write the limit. The kubelet sends a limit of 0 for every page size to every container, so a machine without
    /// the controller may leave it out; a limit that gives pages is refused there.
    /// </summary>
    public static bool IsNeeded(string file, string size, ulong bytes)
    {
        if (CgroupFile.Exists(file))
        {
            return true;
        }

        return bytes == 0
            ? false
            : throw new CgroupUnsupportedException($"Hugepages of {size} cannot be limited to {bytes} bytes: {file} is missing. The page size or the hugetlb controller is not on this machine.");
    }

    public static Dictionary<string, ulong> ReadLimits(string directory, string suffix)
    {
        var limits = new Dictionary<string, ulong>();
        Span<byte> buffer = stackalloc byte[64];
        foreach (var size in HugepageSizes.All())
        {
            var text = CgroupFile.TryRead($"{directory}/hugetlb.{size}{suffix}", buffer);
            if (!text.IsEmpty && FlatKeyed.Number(text) is var bytes && bytes <= long.MaxValue)
            {
                limits[size] = bytes;
            }
        }

        return limits;
    }

    public static IReadOnlyList<HugepageStats> ReadStats(CgroupRead read, string suffix, string? peakSuffix)
    {
        List<HugepageStats>? stats = null;
        Span<byte> buffer = stackalloc byte[64];
        foreach (var size in HugepageSizes.All())
        {
            var text = read($"hugetlb.{size}{suffix}", buffer);
            if (!text.IsEmpty)
            {
                var usage = FlatKeyed.Number(text);
                var peak = peakSuffix is null ? default : read($"hugetlb.{size}{peakSuffix}", buffer);
                (stats ??= []).Add(new HugepageStats(size, usage, peak.IsEmpty ? null : FlatKeyed.Number(peak)));
            }
        }

        return (IReadOnlyList<HugepageStats>?)stats ?? [];
    }
}
