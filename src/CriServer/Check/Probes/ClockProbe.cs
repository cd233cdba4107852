using System.Globalization;

namespace Crisp.CriServer.Check.Probes;

/// <summary>The time of day. Registries' certificates and the kubelet's leases depend on it.</summary>
internal static class ClockProbe
{
    public static IEnumerable<CheckResult> Run(CheckContext context) =>
        [Judge(DateTime.UtcNow, File.GetLastWriteTimeUtc(Environment.ProcessPath ?? "/proc/self/exe"))];

    /// <param name="built">When the running program was made: no later moment than now can be right.</param>
    internal static CheckResult Judge(DateTime now, DateTime built)
    {
        var shown = now.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC";
        return now >= built
            ? CheckResult.Ok("clock", shown)
            : CheckResult.Warning("clock", $"{shown}, earlier than this program was made", "Certificates will not be valid. Set the clock, and have it synchronised (systemd-timesyncd, chrony).");
    }
}
