using Crisp.Cgroups;
using Crisp.Cgroups.Systemd;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;

namespace Crisp.CriServer.Sandboxes;

/// <summary>
/// The two cgroups of a pod: that of its containers, which its own process makes and limits, and that of the process itself,
/// outside of kubepods. The process of a virtual machine is in a leaf of the pod's: its memory is the containers'. The daemon kills
/// and removes them when that process cannot.
/// </summary>
internal static class SandboxCgroups
{
    // A killed process leaves its cgroup a moment after it has died, and v1 answers EBUSY for a while longer.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(4);

    /// <summary>Of the leaf in which the process of a pod that is a machine lies.</summary>
    public const string MachineName = "machine";

    /// <summary>Puts the pod's process where the kubelet neither counts nor limits it, and a machine where it does both.</summary>
    /// <exception cref="CgroupException">The cgroup cannot be made, or takes no process.</exception>
    /// <exception cref="SystemdException">systemd does not make the pod's scope.</exception>
    public static void PlaceProcess(Node node, SandboxRecord sandbox, int pid)
    {
        var pod = CgroupPath.Parse(sandbox.Spec.CgroupPath);
        if (PodScope.Of(pod) is { } scope)
        {
            SandboxScopes.Place(node, sandbox, scope, pid);
            return;
        }

        node.Cgroups.Create(sandbox.Spec.Vm is null ? ProcessPath(node, sandbox.Id) : pod.Child(MachineName)).AddProcess(pid);
    }

    /// <summary>SIGKILL for every process of the pod's containers. Idempotent.</summary>
    public static void KillPod(Node node, SandboxRecord sandbox)
        => node.Cgroups.Open(CgroupPath.Parse(sandbox.Spec.CgroupPath)).Kill(TimeSpan.Zero);

    /// <summary>Kills what is left and removes both cgroups. Idempotent.</summary>
    /// <param name="cgroupPath">That of the pod's containers; null when it is not known.</param>
    /// <exception cref="CgroupException">A process of the pod cannot be killed: it waits in the kernel.</exception>
    public static void RemovePod(Node node, string sandboxId, string? cgroupPath)
    {
        var pod = cgroupPath is null ? null : CgroupPath.Parse(cgroupPath);
        var scope = pod is null ? null : PodScope.Of(pod);

        // The driver is the one that the pod was made with; one that nothing is known of had the daemon's.
        if (scope is not null || (pod is null && node.Config.CgroupDriver == CgroupDriver.Systemd))
        {
            SandboxScopes.Remove(node, sandboxId, scope);
            return;
        }

        Remove(node.Cgroups.Open(ProcessPath(node, sandboxId)));
        if (pod is not null)
        {
            Remove(node.Cgroups.Open(pod));
        }
    }

    /// <summary>Removes the default parent when the daemon ends and no pod is left in it; the kubelet's parents are the kubelet's.</summary>
    /// <remarks>Where none was chosen, the other driver's too, in which pods of an earlier configuration lay: nobody else has that one.</remarks>
    public static void RemoveDefaultParent(Node node)
    {
        var (driver, isOwn) = (node.Config.CgroupDriver, node.Config.CgroupParentPath is null);
        var slice = SliceName.Parse(node.Config.CgroupParentOf(CgroupDriver.Systemd));
        if (driver == CgroupDriver.Systemd || (isOwn && node.Cgroups.Open(slice.Path).Exists))
        {
            SandboxScopes.RemoveSlice(node, slice);
        }

        var parent = node.Cgroups.Open(CgroupPath.Parse(node.Config.CgroupParentOf(CgroupDriver.Cgroupfs)));
        if ((driver == CgroupDriver.Cgroupfs || isOwn) && !parent.HasChildren)
        {
            parent.Remove(_patience);
        }
    }

    private static CgroupPath ProcessPath(Node node, string id)
        => CgroupPath.Parse(node.Config.CgroupParentOf(CgroupDriver.Cgroupfs)).Child($"sandbox-{id}");

    /// <summary>Kills what is in a cgroup and removes it. Idempotent.</summary>
    public static void Remove(ICgroup cgroup)
    {
        cgroup.Kill(_patience);
        cgroup.Remove(_patience);
    }
}
