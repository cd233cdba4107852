using System.Globalization;
using Crisp.Linux;

namespace Crisp.CriServer.Check.Probes;

/// <summary>Root and its capabilities. A container that runs the daemon may have been given less than a node has.</summary>
internal static class PrivilegeProbe
{
    private const string Resource = "CAP_SYS_RESOURCE";
    private const string ScorePath = "/proc/self/oom_score_adj";
    private const int LowestScore = -1000;

    // What making namespaces, mounts, files of any owner and processes of any user takes.
    private static readonly CapabilitySet _necessary = CapabilitySet.Of(
        "CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_MKNOD", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
        "CAP_FSETID", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETFCAP", "CAP_KILL", "CAP_NET_ADMIN");

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        if (Processes.EffectiveUid != 0)
        {
            yield return CheckResult.Necessary("root", $"user {Processes.EffectiveUid}", "Run the daemon and crisp check as root, for example with sudo.");
            yield break;
        }

        yield return CheckResult.Ok("root", "user 0");
        yield return Judge(Effective(File.ReadLines("/proc/self/status")));
        yield return TryResource();
    }

    /// <param name="status">Lines of /proc/PID/status (proc_pid_status(5)).</param>
    internal static CapabilitySet Effective(IEnumerable<string> status)
    {
        const string Prefix = "CapEff:";
        var line = status.First(l => l.StartsWith(Prefix, StringComparison.Ordinal));
        return new CapabilitySet(ulong.Parse(line[Prefix.Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }

    /// <param name="effective">What the process has.</param>
    internal static CheckResult Judge(CapabilitySet effective)
    {
        var lacking = new CapabilitySet(_necessary.Bits & ~effective.Bits);
        if (!lacking.IsEmpty)
        {
            return CheckResult.Necessary(
                "capabilities", $"without {Names(lacking)}", "Run the daemon with all capabilities: on the node itself, or in a privileged container.");
        }

        // CAP_SYS_RESOURCE has a line of its own.
        var withheld = new CapabilitySet(CapabilitySet.All.Bits & ~effective.Bits & ~CapabilitySet.Of(Resource).Bits);
        return withheld.IsEmpty
            ? CheckResult.Ok("capabilities", "all that pods are made with")
            : CheckResult.Warning(
                "capabilities",
                $"all that pods are made with, but not {Names(withheld)}",
                "Containers that ask for these, privileged ones among them, run without them. A daemon on the node itself has them.");
    }

    // The kernel lets anybody raise the score and only this capability lower it below what it was (proc_pid_oom_score_adj(5)).
    private static CheckResult TryResource()
    {
        var score = int.Parse(File.ReadAllText(ScorePath), CultureInfo.InvariantCulture);
        if (score > LowestScore)
        {
            try
            {
                File.WriteAllText(ScorePath, (score - 1).ToString(CultureInfo.InvariantCulture));
                File.WriteAllText(ScorePath, score.ToString(CultureInfo.InvariantCulture));
            }
            catch (UnauthorizedAccessException)
            {
                return CheckResult.Warning(
                    Resource,
                    "oom_score_adj cannot be lowered, hard limits cannot be raised",
                    "The kernel will end guaranteed pods as early as others. Give the daemon CAP_SYS_RESOURCE.");
            }
        }

        return CheckResult.Ok(Resource, "oom_score_adj can be lowered, hard limits can be raised");
    }

    private static string Names(CapabilitySet set) => string.Join(", ", set.Numbers.Select(CapabilitySet.NameOf));
}
