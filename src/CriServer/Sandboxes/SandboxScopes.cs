using Crisp.Cgroups;
using Crisp.Cgroups.Systemd;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Sandbox.Client;

namespace Crisp.CriServer.Sandboxes;

/// <summary>Pods' cgroups with the systemd driver: what systemd is asked for. The daemon alone asks it; pods' processes never do.</summary>
internal static class SandboxScopes
{
    /// <summary>Makes the pod's scope. A machine's process keeps it alive; for containers a holder does, and the process goes elsewhere.</summary>
    /// <exception cref="SystemdException">systemd refuses, or does not answer.</exception>
    public static void Place(Node node, SandboxRecord sandbox, PodScope scope, int pid)
    {
        if (sandbox.Spec.Vm is not null)
        {
            Enter(node, sandbox, scope, scope.Pod.Child(SandboxCgroups.MachineName), pid);
            return;
        }

        node.Systemd.StartScope(PodScope.ProcessUnit(node.DefaultSlice, sandbox.Id, pid));
        var holder = ScopeHolder.Launch(node.Cgroups.Facts, process => Enter(node, sandbox, scope, scope.Holder, process));

        // This process is its parent until it ends.
        node.Watcher.Add(holder, () =>
        {
            Linux.Processes.TryWaitPidfd(holder);
            holder.Dispose();
        });
    }

    /// <summary>Kills what is left in the pod's scopes and ends them. Idempotent.</summary>
    /// <param name="scope">Null when nothing but the pod's id is known.</param>
    public static void Remove(Node node, string sandboxId, PodScope? scope)
    {
        var unit = PodScope.UnitOf(sandboxId);
        var path = scope?.Path ?? node.Systemd.ControlGroupOf(unit);
        if (scope is not null)
        {
            SandboxCgroups.Remove(node.Cgroups.Open(scope.Pod));
        }

        // systemd removes the cgroups that it has made: it does not notice that a scope is empty when somebody else has.
        End(node, unit);
        End(node, PodScope.ProcessUnitOf(sandboxId));
        if (path is not null)
        {
            // Those in hierarchies of v1 that systemd does not know (freezer, cpuset).
            SandboxCgroups.Remove(node.Cgroups.Open(path));
        }
    }

    /// <summary>Removes the scopes of this daemon's pods that nobody knows any more.</summary>
    public static void RemoveStale(Node node)
    {
        var owner = Owner(node);
        foreach (var (unit, description) in node.Systemd.List(PodScope.Pattern))
        {
            if (description.EndsWith(owner, StringComparison.Ordinal) && PodScope.SandboxOf(unit) is { } id && node.Index.All.All(s => s.Id != id))
            {
                Remove(node, id, scope: null);
            }
        }
    }

    /// <summary>Ends the daemon's slice when nothing is in it.</summary>
    public static void RemoveSlice(Node node, SliceName slice)
    {
        try
        {
            if (!node.Cgroups.Open(slice.Path).HasChildren)
            {
                node.Systemd.Stop(slice.Name);
                SandboxCgroups.Remove(node.Cgroups.Open(slice.Path));
            }
        }
        catch (SystemdException)
        {
            // A machine that shuts down stops it itself; an empty slice is in nobody's way.
        }
    }

    private static void Enter(Node node, SandboxRecord sandbox, PodScope scope, CgroupPath leaf, int pid)
    {
        node.Systemd.StartScope(new ScopeUnit(scope.UnitName, scope.Slice, pid, $"Pod {sandbox.Id}{Owner(node)}"));
        if (!IsIn(pid, scope.Path))
        {
            throw new CgroupUnsupportedException(
                $"systemd has started {scope.UnitName}, and its process {pid} is not in the cgroup {scope.Path}: systemd's root is another cgroup "
                + "than the one that this daemon sees. Set cgroup_driver = \"cgroupfs\".");
        }

        // v2 enables controllers in the scope only when no process is in it but in cgroups below.
        node.Cgroups.CreateLeaf(leaf).AddProcess(pid);
        node.Cgroups.Create(leaf);
    }

    private static void End(Node node, string unit)
    {
        node.Systemd.Kill(unit);
        node.Systemd.Stop(unit);
    }

    // cgroups(7): a line for each hierarchy, with the path at its end. systemd places the process in some of v1 only.
    private static bool IsIn(int pid, CgroupPath path)
        => File.ReadLines($"/proc/{pid}/cgroup").Any(line => line.EndsWith($":/{path}", StringComparison.Ordinal));

    private static string Owner(Node node) => $" of crisp on {node.Config.Root}";
}
