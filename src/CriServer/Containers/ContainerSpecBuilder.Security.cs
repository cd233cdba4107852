using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Seccomp;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

public static partial class ContainerSpecBuilder
{
    // What the kubelet sends for procMount: Default, for clients such as crictl that send nothing.
    private static readonly string[] _maskedPaths =
    [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
        "/sys/firmware",
    ];

    private static readonly string[] _readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    private static string[] MaskedPaths(ContainerSpecInput input)
        => Paths(input, input.Security.MaskedPaths, _maskedPaths, "masked_paths");

    private static string[] ReadonlyPaths(ContainerSpecInput input)
        => Paths(input, input.Security.ReadonlyPaths, _readonlyPaths, "readonly_paths");

    /// <summary>
    /// On the wire an empty list and none are the same, and the kubelet sends it for procMount: Unmasked, which needs a user
    /// namespace. So both lists empty mean unmasked there, and the defaults elsewhere: root of the node's user namespace with
    /// a writable /proc/sys owns the node.
    /// </summary>
    private static string[] Paths(ContainerSpecInput input, IReadOnlyList<string> asked, string[] defaults, string field)
    {
        if (input.Privileged)
        {
            return [];
        }

        if (asked.FirstOrDefault(p => !AbsolutePath.Is(p)) is { } bad)
        {
            throw CriException.Invalid($"{field} has \"{bad}\", which is not an absolute path without \"..\".");
        }

        var unset = input.Security.MaskedPaths.Count == 0 && input.Security.ReadonlyPaths.Count == 0;
        return unset && !input.UserNamespace ? defaults : [.. asked];
    }

    private static CapabilitiesSpec Capabilities(ContainerSpecInput input)
    {
        if (input.Privileged)
        {
            var all = input.Node.Capabilities;
            return new CapabilitiesSpec { Bounding = all, Permitted = all, Effective = all };
        }

        var asked = input.Security.Capabilities ?? new Capability();
        var add = Names(asked.AddCapabilities);
        var drop = Names(asked.DropCapabilities);
        var ambient = Names(asked.AddAmbientCapabilities);

        var given = new HashSet<string>(asked.AddCapabilities.Any(IsAll) ? input.Node.Capabilities : CapabilityNames.Default);
        if (asked.DropCapabilities.Any(IsAll))
        {
            given.Clear();
        }

        given.UnionWith(add);
        given.ExceptWith(drop);
        given.UnionWith(ambient);
        if (add.Concat(ambient).FirstOrDefault(name => given.Contains(name) && !input.Node.Capabilities.Contains(name)) is { } lacking)
        {
            throw CriException.Precondition($"{lacking} cannot be given to a container: the daemon itself does not have it.");
        }

        var set = CapabilityNames.All.Where(n => given.Contains(n) && input.Node.Capabilities.Contains(n)).ToList();
        return new CapabilitiesSpec { Bounding = set, Permitted = set, Effective = set, Ambient = ambient };
    }

    private static bool IsAll(string name) => name.Equals("ALL", StringComparison.OrdinalIgnoreCase);

    private static List<string> Names(IEnumerable<string> names)
    {
        var known = new List<string>();
        foreach (var name in names.Where(n => !IsAll(n)))
        {
            var full = name.ToUpperInvariant();
            full = full.StartsWith("CAP_", StringComparison.Ordinal) ? full : "CAP_" + full;
            known.Add(CapabilityNames.All.Contains(full)
                ? full
                : throw CriException.Invalid($"\"{name}\" is no capability. capabilities(7) names them, without the CAP_ prefix."));
        }

        return known;
    }

    /// <summary>CRI: privileged containers run without seccomp, whatever else is said.</summary>
    private static SeccompProgram? Seccomp(ContainerSpecInput input, CapabilitiesSpec capabilities)
    {
#pragma warning disable CS0612 // Old clients set this field alone.
        var profile = SecurityProfiles.Choose(input.Security.Seccomp, input.Security.SeccompProfilePath, "seccomp_profile_path");
#pragma warning restore CS0612
        // Other user namespaces the kernel itself keeps from projects, and a guest's requests of this kind never reach the node's files.
        var guard = input is { LayerIsLimited: true, UserNamespace: false, IsMachine: false };
        var unconfined = profile is null || profile.ProfileType == SecurityProfile.Types.ProfileType.Unconfined;
        if (input.Privileged || (unconfined && !guard))
        {
            return null;
        }

        // A container that asks to be confined and is not would be a lie to whoever relies on it.
        if (!input.Node.Seccomp)
        {
            throw CriException.Precondition(unconfined
                ? "The writable layer cannot be limited: this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER), without which its files could leave their project."
                : "The seccomp profile cannot be applied: this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER). Use Unconfined.");
        }

        return unconfined ? SeccompPrograms.ProjectGuard : profile!.ProfileType switch
        {
            SecurityProfile.Types.ProfileType.RuntimeDefault => SeccompPrograms.Default(capabilities.Bounding, input.Node.Kernel, guard),
            SecurityProfile.Types.ProfileType.Localhost => SeccompPrograms.OfFile(profile.LocalhostRef, capabilities.Bounding, input.Node.Kernel, guard),
            var other => throw CriException.Invalid($"seccomp.profile_type is {(int)other}, which is no ProfileType."),
        };
    }

    /// <summary>
    /// Where AppArmor is on, a container that names no profile gets RuntimeDefault, as Kubernetes documents it. A privileged one
    /// has only what it names itself.
    /// </summary>
    private static string? ApparmorProfile(ContainerSpecInput input)
    {
#pragma warning disable CS0612 // Old clients set this field alone.
        var profile = SecurityProfiles.Choose(input.Security.Apparmor, input.Security.ApparmorProfile, "apparmor_profile");
#pragma warning restore CS0612
        var type = profile?.ProfileType ?? SecurityProfile.Types.ProfileType.RuntimeDefault;
        switch (type)
        {
            case SecurityProfile.Types.ProfileType.Unconfined:
                return null;
            case SecurityProfile.Types.ProfileType.RuntimeDefault:
                return input.Node.AppArmor && !input.Privileged && !input.IsMachine ? input.Node.AppArmorProfiles.Default() : null;
            case SecurityProfile.Types.ProfileType.Localhost:
                return input.Node.AppArmor
                    ? input.Node.AppArmorProfiles.Localhost(profile!.LocalhostRef)
                    : throw CriException.Precondition(
                        $"The AppArmor profile {profile!.LocalhostRef} cannot be applied: AppArmor is not enabled on this node.");
            default:
                throw CriException.Invalid($"apparmor.profile_type is {(int)type}, which is no ProfileType.");
        }
    }

    // Without SELinux the options say nothing, as everywhere in Kubernetes: charts that are for nodes of both kinds always have them.
    private static string? SelinuxLabel(ContainerSpecInput input)
    {
        var options = input.Security.SelinuxOptions;
        if (!input.Node.SELinux || options is null || (options.User + options.Role + options.Type + options.Level).Length == 0)
        {
            return null;
        }

        return $"{Or(options.User, "system_u")}:{Or(options.Role, "system_r")}:{Or(options.Type, "container_t")}:{Or(options.Level, "s0")}";

        // What the request leaves out is as container-selinux has it.
        static string Or(string part, string usual) => part.Length > 0 ? part : usual;
    }
}
