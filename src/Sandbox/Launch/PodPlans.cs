using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>The plans of the short-lived processes that make what a pod's containers share.</summary>
internal static class PodPlans
{
    private const uint Nobody = 65534;

    /// <summary>The namespaces that are the pod's own, made by one clone: the user namespace first, so that it owns the others.</summary>
    internal static NamespaceFlags OwnNamespaces(SandboxSpec spec)
        => (spec.UidMappings.Count > 0 ? NamespaceFlags.User : 0)
            | (spec.NetworkNamespace ? NamespaceFlags.Network : 0)
            | (spec.IpcNamespace ? NamespaceFlags.Ipc : 0)
            | (spec.UtsNamespace ? NamespaceFlags.Uts : 0);

    /// <summary>Sets up <see cref="OwnNamespaces"/>, into which it is launched, and lets this process open them.</summary>
    internal static Plan Namespaces(SandboxSpec spec)
    {
        var builder = new PlanBuilder();
        if (spec.UidMappings.Count > 0)
        {
            builder.Label("Map users and groups").Stop(LaunchStops.Maps, LaunchStops.Deadline);
        }

        if (spec.UtsNamespace && spec.Hostname is { Length: > 0 } hostname)
        {
            builder.Label("Set the hostname").SetHostname(hostname);
        }

        if (spec.NetworkNamespace)
        {
            builder.Label("Bring up loopback").InterfaceUp("lo");
        }

        builder.Label("Hand over the namespaces").Stop(LaunchStops.Namespaces, LaunchStops.Deadline);
        builder.SignalsDefault();
        builder.Exit(0);
        return builder.Build();
    }

    /// <summary>
    /// Sets sysctls of the network and IPC namespaces, which /proc/sys shows to the process that is in them. Those of IPC may
    /// be changed by the node's root alone on older kernels, and on newer ones by the user namespace's root alone.
    /// </summary>
    internal static Plan Sysctls(SandboxSpec spec, FileDescriptor procfs, PodNamespaces namespaces)
    {
        var builder = new PlanBuilder();
        var proc = builder.Descriptor("procfs", procfs);
        builder.Label("Join the pod's namespaces");
        if (namespaces.Network is { } network)
        {
            builder.SetNs(builder.Descriptor("network namespace", network), NamespaceFlags.Network);
        }

        if (namespaces.Ipc is { } ipc)
        {
            builder.SetNs(builder.Descriptor("IPC namespace", ipc), NamespaceFlags.Ipc);
        }

        var refused = new List<(string Name, string Value, StepReference First)>();
        foreach (var (name, value) in spec.Sysctls)
        {
            var file = OpenSysctl(builder, proc, name);
            builder.Write(file, value);
            if (namespaces.User is not null)
            {
                refused.Add((name, value, file.Accept(Errno.EACCES)));
            }
        }

        if (namespaces.User is { } user)
        {
            builder.Label("Join the user namespace").SetNs(builder.Descriptor("user namespace", user), NamespaceFlags.User);
            new NamespaceSteps(builder).BecomeRoot();
            foreach (var (name, value, first) in refused)
            {
                builder.Write(OpenSysctl(builder, proc, name).Unless(first), value);
            }
        }

        builder.SignalsDefault();
        builder.Exit(0);
        return builder.Build();
    }

    /// <summary>What the launch of <see cref="Reaper"/> unshares.</summary>
    internal static NamespaceFlags ReaperNamespaces(PodNamespaces namespaces)
        => namespaces.User is null ? NamespaceFlags.Pid | NamespaceFlags.Mount : NamespaceFlags.None;

    /// <summary>
    /// PID 1 of a shared PID namespace: an empty read-only root, nobody, no capabilities, no descriptors. It is in the pod's
    /// other namespaces, because /proc/1/net and the like are shown to everybody.
    /// </summary>
    internal static Plan Reaper(PodNamespaces namespaces, LaunchFacts facts)
    {
        var builder = new PlanBuilder();
        new NamespaceSteps(builder).Join(namespaces);
        const NamespaceFlags Own = NamespaceFlags.Mount | NamespaceFlags.Cgroup;
        if (namespaces.User is null)
        {
            builder.Unshare(NamespaceFlags.Cgroup);
        }
        else
        {
            builder.Label("Make the PID namespace").Clone(NamespaceFlags.Pid | Own, LaunchStops.Deadline);
        }

        EnterEmptyRoot(builder);
        BecomeNobody(
            builder,
            "crisp-reaper",
            IdMap.ToNode(namespaces.UidMappings, Nobody) is null ? 0 : Nobody,
            IdMap.ToNode(namespaces.GidMappings, Nobody) is null ? 0 : Nobody,
            facts);
        builder.Label("Hand over the PID namespace").Stop(LaunchStops.Namespaces, LaunchStops.Deadline);
        builder.Label("Reap").Pause();
        return builder.Build();
    }

    /// <summary>
    /// A process that keeps a scope of systemd's alive, which else ends with the pod's last container, and does nothing. Like the
    /// reaper it has an empty root, no rights and no memory of its own; it pins no mount of the node.
    /// </summary>
    internal static Plan ScopeHolder(LaunchFacts facts)
    {
        var builder = new PlanBuilder();
        EnterEmptyRoot(builder);
        BecomeNobody(builder, "crisp-holder", Nobody, Nobody, facts);
        builder.Label("Enter the scope").Stop(LaunchStops.Cgroup, LaunchStops.Deadline);
        builder.Label("Hold").Pause();
        return builder.Build();
    }

    private static void BecomeNobody(PlanBuilder builder, string name, uint uid, uint gid, LaunchFacts facts)
    {
        builder.Label("Become nobody");
        builder.SetName(name);
        builder.SetSid();
        new CapabilitySteps(builder, new CapabilitiesSpec(), facts.LastCapability).LimitBoundingSet();
        builder.SetGroups([]);
        builder.SetResGid(gid);
        builder.SetResUid(uid);
        builder.CapSet(CapabilitySet.Empty, CapabilitySet.Empty, CapabilitySet.Empty);
        builder.NoNewPrivileges();
        builder.SignalsDefault();
    }

    private static StepReference OpenSysctl(PlanBuilder builder, PlanDescriptor proc, string name)
    {
        const ResolveFlags Plain = ResolveFlags.Beneath | ResolveFlags.NoSymlinks | ResolveFlags.NoCrossDevice;
        return builder.Label($"Set the sysctl {name}")
            .OpenAt2(proc, $"sys/{name.Replace('.', '/')}", OpenFlags.WriteOnly, Plain).As(name);
    }

    private static void EnterEmptyRoot(PlanBuilder builder)
    {
        builder.Label("Make an empty root directory");
        builder.Mount(null, "/", null, MountFlags.Recursive | MountFlags.Slave);
        var context = builder.NewFilesystem("tmpfs");
        builder.FsConfigString(context, "mode", "555");
        builder.FsConfigCreate(context);
        var root = builder.FsMount(
            context, MountAttributes.ReadOnly | MountAttributes.NoSuid | MountAttributes.NoDev | MountAttributes.NoExec).As("root");
        builder.MoveMount(root, "", PlanDescriptor.CurrentDirectory, "/", MoveMountFlags.FromEmptyPath);
        builder.Fchdir(root);
        builder.PivotRoot(".", ".");
        builder.Umount2(".", UnmountFlags.Detach);
    }
}
