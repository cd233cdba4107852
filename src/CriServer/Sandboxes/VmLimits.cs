using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;

namespace Crisp.CriServer.Sandboxes;

/// <summary>What a pod that is a virtual machine cannot have: the node's kernel is another one. docs/vm-pods.md has the list.</summary>
internal static class VmLimits
{
    /// <exception cref="CriException">INVALID_ARGUMENT.</exception>
    public static void Check(PodSandboxConfig config)
    {
        var options = config.Linux?.SecurityContext?.NamespaceOptions ?? new NamespaceOption();
        if (options.Network == NamespaceMode.Node)
        {
            throw Refused("the node's network (hostNetwork)", "its kernel has a network of its own");
        }

        if (options.Pid == NamespaceMode.Node)
        {
            throw Refused("the node's processes (hostPID)", "its kernel knows only its own");
        }

        if (options.Ipc == NamespaceMode.Node)
        {
            throw Refused("the node's IPC (hostIPC)", "shared memory and queues are a kernel's own");
        }

        if (options.UsernsOptions?.Mode == NamespaceMode.Pod)
        {
            throw Refused("a user namespace (hostUsers: false)", "root in it is nobody on the node already");
        }
    }

    /// <exception cref="CriException">INVALID_ARGUMENT.</exception>
    public static void Check(ContainerSpecInput input)
    {
        if (input.Security.NamespaceOptions?.Pid == NamespaceMode.Node)
        {
            throw Refused("the node's processes", "its kernel knows only its own");
        }

        if (input.Cdi.Devices is [var device, ..])
        {
            throw Refused($"the CDI device {device}", "devices and hooks of the node are not its kernel's");
        }

        if (input.Config.Mounts.FirstOrDefault(m => m.Propagation != MountPropagation.PropagationPrivate) is { } mount)
        {
            throw Refused(
                $"the mount on {mount.ContainerPath} with mountPropagation",
                "mounts of the node and of its kernel are strangers to each other");
        }

#pragma warning disable CS0612 // Old clients set this field alone.
        var apparmor = SecurityProfiles.Choose(input.Security.Apparmor, input.Security.ApparmorProfile, "apparmor_profile");
#pragma warning restore CS0612
        if (apparmor?.ProfileType == SecurityProfile.Types.ProfileType.Localhost)
        {
            throw Refused($"the AppArmor profile {apparmor.LocalhostRef} of the node", "the node's security modules do not see its processes");
        }

        if (input.Node.SELinux && input.Security.SelinuxOptions is { } selinux && (selinux.User + selinux.Role + selinux.Type + selinux.Level).Length > 0)
        {
            throw Refused($"the SELinux label {selinux.User}:{selinux.Role}:{selinux.Type}:{selinux.Level}", "the node's security modules do not see its processes");
        }
    }

    public static CriException Refused(string what, string why)
        => CriException.Invalid($"A pod that is a virtual machine cannot have {what}: {why}. Use another runtime class for it.");
}
