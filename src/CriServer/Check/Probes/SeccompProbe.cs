using Crisp.Linux;

namespace Crisp.CriServer.Check.Probes;

/// <summary>System call filters: one that allows everything is installed in a child.</summary>
internal static class SeccompProbe
{
    private const string ActionsPath = "/proc/sys/kernel/seccomp/actions_avail";

    // struct sock_filter: BPF_RET | BPF_K with SECCOMP_RET_ALLOW.
    private static readonly byte[] _allowAll = [0x06, 0, 0, 0, 0, 0, 0xFF, 0x7F];

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        var failure = PlanTrial.Fails(NamespaceFlags.None, plan =>
        {
            plan.NoNewPrivileges();
            plan.Seccomp(_allowAll);
        });
        yield return failure is not null
            ? CheckResult.Missing(
                "seccomp", failure, "Containers that ask for a seccomp profile are refused; Unconfined ones run. The kernel needs CONFIG_SECCOMP_FILTER.")
            : CheckResult.Ok("seccomp", File.Exists(ActionsPath) ? $"filters with {File.ReadAllText(ActionsPath).Trim()}" : "filters");
    }
}
