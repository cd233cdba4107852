using Crisp.Linux;
using Crisp.Linux.Plans;

namespace Crisp.Sandbox.Launch;

/// <summary>Steps that enter the namespaces of a pod.</summary>
internal sealed class NamespaceSteps(PlanBuilder builder)
{
    /// <summary>Joins those that the pod has of its own, the user namespace first: it owns the others.</summary>
    /// <param name="becomeRoot">False: that is left to the caller, who has yet to open what belongs to the node's root.</param>
    internal void Join(PodNamespaces namespaces, bool becomeRoot = true)
    {
        builder.Label("Join the pod's namespaces");
        if (namespaces.User is { } user)
        {
            builder.SetNs(builder.Descriptor("user namespace", user), NamespaceFlags.User);
            if (becomeRoot)
            {
                BecomeRoot();
            }
        }

        Join("network namespace", namespaces.Network, NamespaceFlags.Network);
        Join("IPC namespace", namespaces.Ipc, NamespaceFlags.Ipc);
        Join("UTS namespace", namespaces.Uts, NamespaceFlags.Uts);
    }

    /// <summary>The node's root has no number in the user namespace, and what it made could have no owner there.</summary>
    internal void BecomeRoot()
    {
        builder.SetResGid(0);
        builder.SetResUid(0);
    }

    private void Join(string name, FileDescriptor? file, NamespaceFlags type)
    {
        if (file is not null)
        {
            builder.SetNs(builder.Descriptor(name, file), type);
        }
    }
}
