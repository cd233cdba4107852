using System.Globalization;

namespace Crisp.Cgroups;

/// <summary>Page sizes as the hugetlb controller names them.</summary>
internal static class HugepageSizes
{
    // They are fixed when the machine starts.
    private static readonly Lazy<List<string>> _all = new(Read);

    /// <summary>The machine's own, from /sys/kernel/mm/hugepages.</summary>
    public static IReadOnlyList<string> All() => _all.Value;

    private static List<string> Read()
    {
        const string Directory = "/sys/kernel/mm/hugepages";
        var sizes = new List<string>();
        foreach (var path in System.IO.Directory.Exists(Directory) ? System.IO.Directory.GetDirectories(Directory, "hugepages-*kB") : [])
        {
            var kilobytes = long.Parse(Path.GetFileName(path)["hugepages-".Length..^2], CultureInfo.InvariantCulture);
            sizes.Add(Name(kilobytes));
        }

        sizes.Sort(StringComparer.Ordinal);
        return sizes;
    }

    /// <summary>mm/hugetlb_cgroup.c, mem_fmt: whole gigabytes, else whole megabytes, else kilobytes.</summary>
    internal static string Name(long kilobytes)
        => kilobytes >= 1 << 20 ? $"{kilobytes >> 20}GB" : kilobytes >= 1 << 10 ? $"{kilobytes >> 10}MB" : $"{kilobytes}KB";
}
