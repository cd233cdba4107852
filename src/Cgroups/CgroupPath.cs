using System.Text;

namespace Crisp.Cgroups;

/// <summary>
/// A cgroup's place beneath the hierarchies' mount points, without a leading slash: kubepods/besteffort/podUID/ID. Units
/// of systemd (kubepods-pod1.slice) are names as any other here; what they mean <see cref="Systemd.SliceName"/> knows.
/// </summary>
public sealed record CgroupPath
{
    private const int LongestName = 255;
    private const int LongestPath = 3072;

    private CgroupPath(string value)
    {
        Value = value;
    }

    public string Value { get; }

    /// <summary>The last of its names.</summary>
    public string Name => Value[(Value.LastIndexOf('/') + 1)..];

    /// <summary>The cgroup above this one; null when that is the hierarchy's root.</summary>
    public CgroupPath? Parent => Value.LastIndexOf('/') is > 0 and var slash ? new CgroupPath(Value[..slash]) : null;

    /// <summary>CRI's cgroup_parent starts with a slash, which is taken off: it never leads out of the mounted hierarchy.</summary>
    /// <exception cref="ArgumentException">
    /// Empty, "." or "..", a control character, a name over 255 bytes or a path over 3072 (PATH_MAX less mount point and file),
    /// or a name that is one of the kernel's files (cgroup.procs, memory.max).
    /// </exception>
    public static CgroupPath Parse(string path)
    {
        var trimmed = path.Trim('/');
        if (trimmed.Length == 0)
        {
            throw Wrong(path, "it is the root of the hierarchy, which is nobody's to change");
        }

        if (Encoding.UTF8.GetByteCount(trimmed) > LongestPath)
        {
            throw new ArgumentException($"A cgroup path has {trimmed.Length} characters: more than {LongestPath} bytes do not fit.", nameof(path));
        }

        foreach (var name in trimmed.Split('/'))
        {
            CheckName(path, name);
        }

        return new CgroupPath(trimmed);
    }

    /// <summary>A cgroup below this one.</summary>
    public CgroupPath Child(string name) => name.Contains('/', StringComparison.Ordinal)
        ? throw Wrong(name, "a name has no slash")
        : Parse($"{Value}/{name}");

    public override string ToString() => Value;

    private static void CheckName(string path, string name)
    {
        if (name.Length == 0 || name is "." or "..")
        {
            throw Wrong(path, "it has an empty name, \".\" or \"..\"");
        }

        if (Encoding.UTF8.GetByteCount(name) > LongestName)
        {
            throw Wrong(path, $"a name in it has more than {LongestName} bytes");
        }

        foreach (var c in name)
        {
            if (char.IsControl(c))
            {
                throw Wrong(path, "it has a control character");
            }
        }

        // cgroup-v2.rst, "Avoid Name Collisions": a directory of that name cannot be made, or shadows a controller's file.
        foreach (var prefix in (ReadOnlySpan<string>)["cgroup.", "cpu.", "cpuacct.", "cpuset.", "memory.", "io.", "blkio.", "pids.", "devices.", "freezer.", "hugetlb.", "misc.", "rdma."])
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal) && !name.EndsWith(".slice", StringComparison.Ordinal) && !name.EndsWith(".scope", StringComparison.Ordinal))
            {
                throw Wrong(path, $"\"{name}\" could be a file of the kernel's");
            }
        }
    }

    private static ArgumentException Wrong(string path, string why) => new($"The cgroup path \"{path}\" is not valid: {why}.", nameof(path));
}
