using Crisp.CriServer.AppArmor;
using Crisp.Linux;

namespace Crisp.CriServer.Containers;

/// <summary>What this node can do, read once at start.</summary>
public sealed record NodeFacts
{
    /// <summary>Whether memory and swap are accounted together or swap has a limit of its own.</summary>
    public bool SwapLimits { get; init; }

    /// <summary>Whether the AppArmor module is enabled.</summary>
    public bool AppArmor { get; init; }

    /// <summary>Where profiles are looked up and loaded.</summary>
    public AppArmorProfiles AppArmorProfiles { get; init; } = AppArmorProfiles.Kernel;

    /// <summary>Whether SELinux is mounted.</summary>
    public bool SELinux { get; init; }

    /// <summary>Whether pods can have user namespaces.</summary>
    public bool UserNamespaces { get; init; } = true;

    /// <summary>Whether the kernel has seccomp filters.</summary>
    public bool Seccomp { get; init; } = true;

    /// <summary>Its major and minor version.</summary>
    public Version Kernel { get; init; } = new(6, 1);

    /// <summary>Capabilities that the daemon itself has to give, with the CAP_ prefix.</summary>
    public IReadOnlyList<string> Capabilities { get; init; } = CapabilityNames.All;

    public static NodeFacts Read() => new()
    {
        // v1 has memsw files where swap accounting is on; on v2 the root group has none, any other one does.
        SwapLimits = File.Exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes")
            || (File.Exists("/sys/fs/cgroup/cgroup.controllers") && File.Exists("/proc/swaps")),
        AppArmor = ReadFlag("/sys/module/apparmor/parameters/enabled"),
        SELinux = File.Exists("/sys/fs/selinux/enforce"),
        UserNamespaces = File.Exists("/proc/self/ns/user") && File.ReadAllText("/proc/sys/user/max_user_namespaces").Trim() != "0",
        Seccomp = File.Exists("/proc/sys/kernel/seccomp/actions_avail"),
        Kernel = KernelVersion(File.ReadAllText("/proc/sys/kernel/osrelease")),
        Capabilities = [.. CapabilityNames.All.Where((_, number) => Processes.IsInBoundingSet(number) == true)],
    };

    // 6.1.0-28-amd64
    private static Version KernelVersion(string release)
    {
        var parts = release.Split('.', '-', '+', '_');
        return Version.TryParse(string.Join('.', parts.Take(2)), out var version) ? version : new Version(6, 1);
    }

    private static bool ReadFlag(string path) => File.Exists(path) && File.ReadAllText(path).StartsWith('Y');
}
