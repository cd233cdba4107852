using Crisp.Linux;

namespace Crisp.CriServer.Check.Probes;

/// <summary>Limits of the kernel that many pods together meet first.</summary>
internal static class LimitProbe
{
    private const int RlimitNofile = 7;
    private const ulong FewFiles = 65_536;

    /// <summary>Parameters, the least that many pods get by with, a value that will do, and what goes wrong below.</summary>
    private static readonly (string Name, long Least, long Good, string Harm)[] _parameters =
    [
        ("fs.inotify.max_user_instances", 512, 8192, "Programs that watch files, the kubelet among them, fail with \"too many open files\"."),
        ("fs.inotify.max_user_watches", 65_536, 524_288, "Programs that watch files fail with \"no space left on device\"."),
        ("kernel.pid_max", 65_536, 4_194_304, "All pods together cannot have more processes and threads."),
    ];

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        foreach (var (name, least, good, harm) in _parameters)
        {
            yield return Judge(name, Sysctl.Read(name), least, $"{harm} Raise it: sysctl -w {name}={good}");
        }

        // .NET raises the soft limit to the hard one.
        var files = Processes.GetRlimit(RlimitNofile).Hard;
        yield return files >= FewFiles
            ? CheckResult.Ok("open files", $"at most {files}")
            : CheckResult.Warning("open files", $"at most {files}", "Start the daemon with more: LimitNOFILE=1048576 in its systemd unit, or ulimit -Hn.");
    }

    internal static CheckResult Judge(string name, long? value, long least, string advice) => value switch
    {
        null => CheckResult.Warning(name, "this kernel has no such limit", "The kernel was built without it; programs that need it fail."),
        _ when value < least => CheckResult.Warning(name, $"{value}", advice),
        _ => CheckResult.Ok(name, $"{value}"),
    };
}
