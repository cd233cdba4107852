using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Launch;

namespace Crisp.Sandbox.Client;

/// <summary>Starts the process that keeps a pod's scope alive while no container runs in it.</summary>
public static class ScopeHolder
{
    /// <summary>It lives until it is killed, whatever becomes of the caller, whose child it is.</summary>
    /// <param name="place">Called with the pid, to put it where it belongs; when that fails the process is ended.</param>
    /// <returns>Its pidfd, the caller's to dispose and, when it has ended, to reap.</returns>
    /// <exception cref="PlanException">A step failed.</exception>
    public static FileDescriptor Launch(CgroupFacts cgroups, Action<int> place)
    {
        using var plan = PodPlans.ScopeHolder(LaunchFacts.From(cgroups));

        // Until its plan's end it is this one's to end and to reap.
        using var process = PlanLauncher.Launch(plan, NamespaceFlags.Mount);
        var pidfd = process.Pidfd.Duplicate();
        try
        {
            while (process.Run(LaunchStops.Deadline) is not null)
            {
                place(process.Pid);
            }

            return pidfd;
        }
        catch
        {
            pidfd.Dispose();
            throw;
        }
    }
}
