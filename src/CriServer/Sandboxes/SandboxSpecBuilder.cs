using System.Text.RegularExpressions;
using Crisp.Cgroups.Systemd;
using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.Sandbox.Spec;
using CgroupDriver = Crisp.Cgroups.CgroupDriver;

namespace Crisp.CriServer.Sandboxes;

/// <summary>Turns CRI's PodSandboxConfig into the pod's specification, and says what is wrong with it.</summary>
public static partial class SandboxSpecBuilder
{
    // utsname.nodename has 64 bytes and a NUL (uname(2)).
    private const int LongestHostname = 64;

    private static readonly string[] _ipcSysctls =
        ["kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"];

    /// <param name="defaultParent">The cgroup, or the slice, for pods that name none.</param>
    /// <exception cref="CriException">The request contradicts CRI, or asks for what this version does not have.</exception>
    public static SandboxSpec Build(string id, PodSandboxConfig config, string defaultParent, CgroupDriver driver = CgroupDriver.Cgroupfs)
    {
        var options = config.Linux?.SecurityContext?.NamespaceOptions ?? new NamespaceOption();
        CheckModes(options);
        var (uids, gids) = UserMaps(options.UsernsOptions);
        var network = options.Network == NamespaceMode.Pod;

        return new SandboxSpec
        {
            Id = id,
            Hostname = network ? Hostname(config.Hostname) : null,
            NetworkNamespace = network,
            IpcNamespace = options.Ipc == NamespaceMode.Pod,
            UtsNamespace = network,
            SharedPidNamespace = options.Pid == NamespaceMode.Pod,
            UidMappings = uids,
            GidMappings = gids,
            Sysctls = Sysctls(config, network, options.Ipc == NamespaceMode.Pod),
            CgroupPath = CgroupPath(config.Linux?.CgroupParent is { Length: > 0 } parent ? parent : defaultParent, id, driver),
        };
    }

    private static void CheckModes(NamespaceOption options)
    {
        if (options.Network is not (NamespaceMode.Pod or NamespaceMode.Node))
        {
            throw CriException.Invalid($"namespace_options.network is {options.Network}; a pod's is POD or NODE.");
        }

        if (options.Ipc is not (NamespaceMode.Pod or NamespaceMode.Node))
        {
            throw CriException.Invalid($"namespace_options.ipc is {options.Ipc}; a pod's is POD or NODE.");
        }

        if (options.Pid is not (NamespaceMode.Pod or NamespaceMode.Container or NamespaceMode.Node))
        {
            throw CriException.Invalid($"namespace_options.pid is {options.Pid}; a pod's is POD, CONTAINER or NODE.");
        }
    }

    /// <summary>CRI: POD or NODE; one mapping each, with container id 0 in it, of equal length.</summary>
    private static (IReadOnlyList<IdMapSpec> Uids, IReadOnlyList<IdMapSpec> Gids) UserMaps(UserNamespace? options)
    {
        if (options is null)
        {
            return ([], []);
        }

        var (uids, gids) = (IdMappings.From(options.Uids, "userns_options.uids"), IdMappings.From(options.Gids, "userns_options.gids"));
        switch (options.Mode)
        {
            case NamespaceMode.Node when uids.Count > 0 || gids.Count > 0:
                throw CriException.Invalid("userns_options.mode is NODE, so there can be no id mappings.");
            case NamespaceMode.Node:
                return ([], []);
            case NamespaceMode.Pod:
                break;
            default:
                throw CriException.Invalid($"userns_options.mode is {options.Mode}; a pod's is POD or NODE.");
        }

        if (uids.Count != 1 || gids.Count != 1)
        {
            throw CriException.Invalid($"userns_options has {uids.Count} uid and {gids.Count} gid mappings; exactly one of each is possible.");
        }

        if (uids[0].ContainerId != 0 || gids[0].ContainerId != 0)
        {
            throw CriException.Invalid("userns_options does not map container id 0, so the pod would have no root.");
        }

        return uids[0].Length == gids[0].Length
            ? (uids, gids)
            : throw CriException.Invalid($"userns_options maps {uids[0].Length} uids and {gids[0].Length} gids; the lengths must be equal.");
    }

    private static string? Hostname(string hostname)
    {
        if (hostname.Length == 0)
        {
            return null;
        }

        return hostname.Length <= LongestHostname && DnsName().IsMatch(hostname)
            ? hostname
            : throw CriException.Invalid($"The hostname \"{hostname}\" is not a DNS name of at most {LongestHostname} characters.");
    }

    /// <summary>
    /// Only what belongs to a namespace of the pod. Names and values go to files beneath /proc/sys, so neither may bring
    /// separators along (CVE-2022-0811: a "+" in a value set kernel.core_pattern).
    /// </summary>
    private static Dictionary<string, string> Sysctls(PodSandboxConfig config, bool network, bool ipc)
    {
        var sysctls = config.Linux?.Sysctls.ToDictionary() ?? [];
        foreach (var (name, value) in sysctls)
        {
            var owned = (ipc && (_ipcSysctls.Contains(name) || name.StartsWith("fs.mqueue.", StringComparison.Ordinal)))
                || (network && name.StartsWith("net.", StringComparison.Ordinal));
            if (!owned)
            {
                throw CriException.Invalid($"The sysctl {name} does not belong to a namespace of this pod, so it would change the node.");
            }

            if (!SysctlName().IsMatch(name) || value.AsSpan().ContainsAny('\n', '\0'))
            {
                throw CriException.Invalid($"The sysctl \"{name}\" has a name with separators, or a value of several lines.");
            }
        }

        return sysctls;
    }

    /// <summary>A level of our own beneath the kubelet's: killing it kills the whole pod, and nobody else's processes.</summary>
    private static string CgroupPath(string parent, string id, CgroupDriver driver)
    {
        var isSlice = parent.EndsWith(".slice", StringComparison.Ordinal);
        if (driver == CgroupDriver.Systemd && !isSlice)
        {
            throw CriException.Precondition(
                $"The cgroup parent {parent} is not a slice, and this node uses the systemd cgroup driver: set cgroupDriver: systemd in the "
                + "kubelet's configuration, or none at all.");
        }

        if (driver == CgroupDriver.Cgroupfs && isSlice && !parent.Contains('/', StringComparison.Ordinal))
        {
            throw CriException.Precondition(
                $"The cgroup parent {parent} is a systemd slice, and this node uses the cgroupfs driver: set cgroupDriver: cgroupfs, or none at all.");
        }

        try
        {
            if (driver == CgroupDriver.Systemd)
            {
                return PodScope.In(SliceName.Parse(parent), id).Pod.Value;
            }

            var names = parent.Split('/', StringSplitOptions.RemoveEmptyEntries);
            return Cgroups.CgroupPath.Parse(string.Join('/', [.. names, $"crisp-{id}"])).Value;
        }
        catch (ArgumentException e)
        {
            throw CriException.Invalid($"cgroup_parent: {e.Message}");
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\z")]
    private static partial Regex DnsName();

    [GeneratedRegex(@"\A[a-z0-9_]+(\.[A-Za-z0-9_-]+)+\z")]
    private static partial Regex SysctlName();
}
