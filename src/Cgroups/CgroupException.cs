using Crisp.Linux;

namespace Crisp.Cgroups;

/// <summary>A cgroup file or directory that could not be read, written, made or removed.</summary>
public sealed class CgroupException : IOException
{
    internal CgroupException(string action, string path, Errno errno, string? advice = null)
        : base($"Cannot {action} {path}: {errno.Describe()}{(advice is null ? "" : ". " + advice)}")
    {
        Errno = errno;
        CgroupFile = path;
    }

    public Errno Errno { get; }

    /// <summary>The file or directory.</summary>
    public string CgroupFile { get; }
}

/// <summary>A limit that this machine's kernel or mounts cannot enforce.</summary>
public sealed class CgroupUnsupportedException(string message) : NotSupportedException(message);
