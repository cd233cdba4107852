using Crisp.Cgroups;
using Crisp.CriServer.Check.Probes;
using Crisp.CriServer.Configuration;
using Crisp.Linux;

namespace Crisp.CriServer.Check;

/// <summary>What the probes need to know.</summary>
/// <param name="Config">Of the daemon that runs or will run here.</param>
/// <param name="SocketPath">Where the daemon is looked for.</param>
internal sealed record CheckContext(CrispConfig Config, string SocketPath);

/// <summary>Tries, one after the other, what pods need of a node.</summary>
internal static class NodeCheck
{
    private static readonly Probe[] _probes =
    [
        new("kernel", false, KernelProbe.Run),
        new("root", false, PrivilegeProbe.Run),
        new("namespaces", true, NamespaceProbe.Run),
        new("user namespaces", true, UserNamespaceProbe.Run),
        new("cgroups", true, CgroupProbe.Run),
        new("seccomp", true, SeccompProbe.Run),
        new("security modules", false, SecurityModuleProbe.Run),
        new("storage", true, StorageProbe.Run),
        new("overlay", true, OverlayProbe.Run),
        new("project quota", false, LayerQuotaProbe.Run),
        new("limits", false, LimitProbe.Run),
        new("clock", false, ClockProbe.Run),
        new("crisp-sandbox", true, SandboxProbe.Run),
        new("CNI", false, CniProbe.Run),
        new("CDI", false, CdiProbe.Run),
        new("KVM", false, KvmProbe.Run),
        new("guest image", false, GuestImageProbe.Run),
        new("daemon", false, DaemonProbe.Run),
    ];

    /// <summary>The results, each probe's as soon as it is done.</summary>
    public static IEnumerable<CheckResult> Run(CheckContext context) => _probes.SelectMany(probe => Try(probe, context));

    private static List<CheckResult> Try(Probe probe, CheckContext context)
    {
        if (probe.NeedsRoot && Processes.EffectiveUid != 0)
        {
            return [CheckResult.Warning(probe.Name, "not tried", "Only root can try this: run crisp check as root.")];
        }

        try
        {
            return [.. probe.Run(context)];
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException or CgroupUnsupportedException)
        {
            // What a probe did not foresee is no verdict on the node, but it must be seen.
            return [CheckResult.Warning(probe.Name, $"could not be tried: {e.Message}", "Look into the reason, then run crisp check again.")];
        }
    }

    private sealed record Probe(string Name, bool NeedsRoot, Func<CheckContext, IEnumerable<CheckResult>> Run);
}
