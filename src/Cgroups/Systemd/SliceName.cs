namespace Crisp.Cgroups.Systemd;

/// <summary>A slice unit's name and place (systemd.slice(5)): a-b.slice lies in a.slice, and the dashes say so.</summary>
public sealed record SliceName
{
    private const string Suffix = ".slice";
    private const int LongestName = 255;

    private SliceName(string name, CgroupPath path)
    {
        Name = name;
        Path = path;
    }

    /// <summary>For example <c>kubepods-burstable.slice</c>.</summary>
    public string Name { get; }

    /// <summary>For example <c>kubepods.slice/kubepods-burstable.slice</c>.</summary>
    public CgroupPath Path { get; }

    /// <summary>Reads a name, or the whole path, which is what the kubelet sends as a pod's cgroup_parent.</summary>
    /// <exception cref="ArgumentException">It is no slice, or not at the place where systemd has it.</exception>
    public static SliceName Parse(string text)
    {
        var trimmed = text.Trim('/');
        var name = trimmed[(trimmed.LastIndexOf('/') + 1)..];
        if (!name.EndsWith(Suffix, StringComparison.Ordinal))
        {
            throw Wrong(text, "its name does not end with .slice");
        }

        var path = Expand(text, name);
        return trimmed == name || trimmed == path
            ? new SliceName(name, CgroupPath.Parse(path))
            : throw Wrong(text, $"systemd has {name} at /{path}");
    }

    public override string ToString() => Name;

    private static string Expand(string text, string name)
    {
        if (name.Length > LongestName)
        {
            throw Wrong(text, $"a unit's name has at most {LongestName} characters");
        }

        var (path, prefix) = ("", "");
        foreach (var part in name[..^Suffix.Length].Split('-'))
        {
            if (part.Length == 0)
            {
                throw Wrong(text, "a name in it is empty: dashes separate the names of the slices around it");
            }

            // systemd.unit(5): what a unit's name is made of, dashes aside.
            if (part.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not (':' or '_' or '.' or '\\')))
            {
                throw Wrong(text, "a unit's name has letters, digits and :_.\\- only");
            }

            prefix += part;
            path += $"{(path.Length > 0 ? "/" : "")}{prefix}{Suffix}";
            prefix += "-";
        }

        return path;
    }

    private static ArgumentException Wrong(string text, string why) => new($"\"{text}\" is not a slice of systemd: {why}.", nameof(text));
}
