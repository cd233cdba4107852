using System.Globalization;
using Crisp.Linux;

namespace Crisp.CriServer.Check.Probes;

/// <summary>The namespaces of every pod: each kind is made for a moment.</summary>
internal static class NamespaceProbe
{
    // Every container takes a mount, PID and cgroup namespace, so a busy node needs some hundreds.
    private const long Few = 1024;

    private static readonly (string Name, string Limit, NamespaceFlags Flag)[] _kinds =
    [
        ("mount", "mnt", NamespaceFlags.Mount),
        ("pid", "pid", NamespaceFlags.Pid),
        ("ipc", "ipc", NamespaceFlags.Ipc),
        ("uts", "uts", NamespaceFlags.Uts),
        ("network", "net", NamespaceFlags.Network),
        ("cgroup", "cgroup", NamespaceFlags.Cgroup),
    ];

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        var failures = new List<string>();
        foreach (var (name, _, flag) in _kinds)
        {
            if (PlanTrial.Fails(flag) is { } failure)
            {
                failures.Add($"{name} ({failure})");
            }
        }

        yield return failures.Count == 0
            ? CheckResult.Ok("namespaces", string.Join(", ", _kinds.Select(k => k.Name)))
            : CheckResult.Necessary(
                "namespaces",
                $"cannot be made: {string.Join(", ", failures)}",
                "See whether a limit in /proc/sys/user or a seccomp filter around the daemon forbids it.");

        var low = _kinds.Select(k => $"user.max_{k.Limit}_namespaces").Where(k => Sysctl.Read(k) is < Few).ToList();
        if (low.Count > 0)
        {
            yield return CheckResult.Warning(
                "namespace limits",
                string.Join(", ", low.Select(k => string.Create(CultureInfo.InvariantCulture, $"{k} = {Sysctl.Read(k)}"))),
                $"Pods will fail with ENOSPC beyond that. Raise it: {string.Join(" ", low.Select(k => $"sysctl -w {k}=65536;")).TrimEnd(';')}");
        }
    }
}
