using Crisp.CriServer.AppArmor;

namespace Crisp.CriServer.Check.Probes;

/// <summary>AppArmor and SELinux. Distributions have one of them; none is a choice that should be known.</summary>
internal static class SecurityModuleProbe
{
    public static IEnumerable<CheckResult> Run(CheckContext context) => Judge(
        IsYes("/sys/module/apparmor/parameters/enabled"),
        File.Exists("/sys/fs/selinux/enforce") ? File.ReadAllText("/sys/fs/selinux/enforce").Trim() == "1" : null,
        ProfileParser.Program is not null);

    /// <param name="selinux">Null when it is off, otherwise whether it enforces its policy.</param>
    /// <param name="parser">Whether apparmor_parser is there, which loads the default profile.</param>
    internal static IEnumerable<CheckResult> Judge(bool appArmor, bool? selinux, bool parser)
    {
        yield return (appArmor, selinux) switch
        {
            (true, _) when !parser => CheckResult.Missing(
                "AppArmor", "enabled, but apparmor_parser is missing", "Containers need Unconfined or a loaded profile. Get it: apt install apparmor"),
            (true, _) => CheckResult.Ok("AppArmor", "enabled"),
            (false, not null) => CheckResult.Ok("AppArmor", "off; SELinux is on"),
            _ => CheckResult.Missing(
                "AppArmor", "off, and so is SELinux", "Containers have no mandatory access control. Debian has it with: apt install apparmor; then reboot."),
        };
        yield return selinux switch
        {
            true => CheckResult.Ok("SELinux", "enforcing"),
            false => CheckResult.Warning("SELinux", "permissive", "It reports and forbids nothing. Enforce it: setenforce 1"),
            null => CheckResult.Ok("SELinux", appArmor ? "off; AppArmor is on" : "off"),
        };
    }

    private static bool IsYes(string path) => File.Exists(path) && File.ReadAllText(path).StartsWith('Y');
}
