using Crisp.Kvm;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>
/// Specifications as the guest gets them. What only the node has is left out where nobody misses it, and refused with a sentence
/// where somebody would.
/// </summary>
internal static class GuestSpec
{
    /// <exception cref="SandboxException">The pod asks for something of the node's that no virtual machine has.</exception>
    public static void Check(SandboxSpec spec)
    {
        if (spec.Vm is not { Vcpus: > 0, MemoryBytes: > 0, DiskSlots: >= 0 and <= LinuxGuest.MostDiskSlots })
        {
            throw new SandboxException(RpcCode.InvalidArgument, "The pod's process is a virtual machine's monitor, and the specification has no machine that there can be.");
        }

        if (!spec.NetworkNamespace || !spec.IpcNamespace)
        {
            throw Refused("the node's network or IPC namespace: its kernel is another");
        }

        if (spec.UidMappings.Count > 0 || spec.GidMappings.Count > 0)
        {
            throw Refused("a user namespace: its root is no user of the node's as it is. Leave hostUsers at true");
        }
    }

    /// <summary>The pod: its network is the guest's own, and the rest of what it has is made there.</summary>
    public static SandboxSpec For(SandboxSpec spec) => spec with
    {
        NetworkNamespace = false,
        UtsNamespace = true,
        CgroupPath = CgroupOf(spec.Id),
        Vm = null,
    };

    /// <param name="export">The name of the export for a descriptor: 0 is the rootfs, n the n-th of those that follow it.</param>
    /// <exception cref="SandboxException">The container asks for something of the node's that no virtual machine has.</exception>
    public static ContainerSpec For(ContainerSpec spec, string podId, Func<int, string> export)
    {
        if (spec.Namespaces.Pid == PidNamespace.Node)
        {
            throw Refused("the node's PID namespace: its kernel is another");
        }

        if (spec.Hooks.Count > 0)
        {
            throw Refused($"the hook {spec.Hooks[0].Path} of the node's");
        }

        if (spec.Devices.Count > 0)
        {
            throw Refused($"the device {spec.Devices[0].Path} of the node's");
        }

        var next = 1;
        return spec with
        {
            Root = spec.Root with { Source = new ExportSource(export(0)) },
            Mounts = [.. spec.Mounts.Select(m => Mount(m, m.Source.NeedsDescriptor ? export(next++) : null))],
            CgroupPath = $"{CgroupOf(podId)}/{spec.Id}",
            Resources = For(spec.Resources),
            Process = For(spec.Process),
            Log = null,
        };
    }

    /// <summary>Labels are of the node's security modules.</summary>
    public static ProcessSpec For(ProcessSpec process) => process with { ApparmorProfile = null, SelinuxLabel = null };

    /// <summary>Processors, memory nodes and huge pages are numbered and counted by the node.</summary>
    public static ResourcesSpec For(ResourcesSpec resources) => resources with
    {
        CpusetCpus = null,
        CpusetMems = null,
        HugepageLimits = new Dictionary<string, ulong>(),
    };

    private static MountSpec Mount(MountSpec mount, string? export)
    {
        if (mount.Propagation == MountPropagation.Shared)
        {
            throw Refused($"a mount on {mount.Target} from which mounts go back to the node (Bidirectional)");
        }

        return export is null ? mount : mount with
        {
            Source = new ExportSource(export),
            Propagation = MountPropagation.Private,
            UidMappings = [],
            GidMappings = [],
        };
    }

    private static string CgroupOf(string podId) => $"crisp-{podId[..12]}";

    private static SandboxException Refused(string what)
        => new(RpcCode.InvalidArgument, $"A pod that is a virtual machine cannot have {what}.");
}
