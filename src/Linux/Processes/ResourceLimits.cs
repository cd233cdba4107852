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

    /// <summary>RLIM_INFINITY: no limit.</summary>
    public const ulong Infinity = ulong.MaxValue;

    /// <summary>RLIMIT_NOFILE of the calling process, soft: as many descriptors as it can have at one time.</summary>
    public static ulong Descriptors => Processes.GetRlimit(Nofile).Soft;

    /// <summary>The same of another process.</summary>
    /// <exception cref="LinuxException">ESRCH when it has ended.</exception>
    public static ulong DescriptorsOf(int pid) => Processes.GetRlimit(Nofile, pid).Soft;

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
