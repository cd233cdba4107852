using System.Globalization;
using System.Text;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>Names and numbers of the resource limits of getrlimit(2), from asm-generic/resource.h.</summary>
public static class ResourceLimits
{
    private static readonly string[] s_names =
    [
        "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC", "RLIMIT_NOFILE",
        "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO",
        "RLIMIT_RTTIME",
    ];

    private const int Nofile = 7;
    private const int MostOfTable = 4096;

    /// <summary>RLIM_INFINITY: no limit.</summary>
    public const ulong Infinity = ulong.MaxValue;

    /// <summary>RLIMIT_NOFILE of the calling process, soft: as many descriptors as it can have at one time.</summary>
    public static ulong Descriptors => Processes.GetRlimit(Nofile).Soft;

    /// <summary>The same of another process, whoever it runs as (proc_pid_limits(5)): prlimit(2) would need CAP_SYS_RESOURCE.</summary>
    /// <exception cref="LinuxException">ENOENT or ESRCH when it has ended.</exception>
    public static ulong DescriptorsOf(int pid)
    {
        using var file = Files.Open($"/proc/{pid}/limits", OpenFlags.ReadOnly);
        return SoftDescriptors(Encoding.ASCII.GetString(Files.ReadToEnd(file, MostOfTable)));
    }

    /// <param name="table">A line for each limit: its name, soft, hard and unit, in columns.</param>
    internal static ulong SoftDescriptors(string table)
    {
        const string Name = "Max open files";
        var line = table.Split('\n').FirstOrDefault(l => l.StartsWith(Name, StringComparison.Ordinal))
            ?? throw new FormatException($"A process's limits have no \"{Name}\".");
        var soft = line[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return soft == "unlimited" ? Infinity : ulong.Parse(soft, CultureInfo.InvariantCulture);
    }

    /// <summary>Raises the soft RLIMIT_NOFILE to the hard one, which needs no right. Not for programs that use select(2).</summary>
    public static void RaiseDescriptors()
    {
        var limit = new rlimit { rlim_cur = Processes.GetRlimit(Nofile).Hard, rlim_max = Processes.GetRlimit(Nofile).Hard };
        // SAFETY: prlimit reads the structure, which lives on this stack.
        unsafe
        {
            Check.Result(Libc.prlimit(0, Nofile, &limit, null), "prlimit", "RLIMIT_NOFILE");
        }
    }

    /// <summary>The number of a name such as RLIMIT_NOFILE, or -1.</summary>
    public static int NumberOf(string name) => Array.IndexOf(s_names, name);

    /// <summary>RLIMIT_NOFILE and so on; a number without a name is RLIMIT_n.</summary>
    public static string NameOf(int number) => number >= 0 && number < s_names.Length ? s_names[number] : $"RLIMIT_{number}";
}
