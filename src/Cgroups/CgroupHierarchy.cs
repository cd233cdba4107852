using System.Text;

namespace Crisp.Cgroups;

/// <summary>A mounted hierarchy. On v1 co-mounted controllers share one (cpu,cpuacct, to which cpu and cpuacct are symlinks).</summary>
/// <param name="Controllers">Of v1; empty for named hierarchies (name=systemd) and for the unified one.</param>
/// <param name="Name">Of a named hierarchy of v1, for example systemd; null for all others.</param>
internal sealed record CgroupHierarchy(string MountPoint, IReadOnlyList<string> Controllers, bool Unified, string? Name = null)
{
    public bool Has(string controller)
    {
        foreach (var own in Controllers)
        {
            if (own == controller)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>All hierarchies of a /proc/PID/mountinfo (proc_pid_mountinfo(5)), each once even if it is mounted in several places.</summary>
    /// <param name="procCgroups">/proc/cgroups, whose names tell controllers from mount options; without it cgroups(7)'s are known.</param>
    public static List<CgroupHierarchy> Read(string mountInfo, string procCgroups)
    {
        var known = new HashSet<string>(["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "hugetlb", "net_cls", "net_prio", "perf_event", "rdma", "misc"]);
        foreach (var line in procCgroups.Split('\n'))
        {
            if (line.Length > 0 && line[0] != '#')
            {
                known.Add(line.Split('\t')[0]);
            }
        }

        var found = new List<CgroupHierarchy>();
        var devices = new HashSet<string>();
        foreach (var line in mountInfo.Split('\n'))
        {
            var fields = line.Split(' ');
            var dash = Array.IndexOf(fields, "-");
            if (dash < 6 || dash + 3 >= fields.Length || fields[dash + 1] is not ("cgroup" or "cgroup2") || !devices.Add(fields[2]))
            {
                continue;
            }

            var controllers = new List<string>();
            string? name = null;
            var unified = fields[dash + 1] == "cgroup2";
            foreach (var option in unified ? [] : fields[dash + 3].Split(','))
            {
                if (known.Contains(option))
                {
                    controllers.Add(option);
                }

                name = option.StartsWith("name=", StringComparison.Ordinal) ? option["name=".Length..] : name;
            }

            found.Add(new CgroupHierarchy(Unescape(fields[4]), controllers, unified, name));
        }

        return found;
    }

    private static string Unescape(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length)
            {
                result.Append((char)(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0')));
                i += 3;
            }
            else
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }
}
