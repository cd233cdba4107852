using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Containers;

/// <summary>The end of a container's main process: the rest of its cgroup is killed, and then it has exited.</summary>
internal static class ContainerEnd
{
    // What lives longer waits in the kernel. The exit is told all the same, since it has happened.
    private static readonly TimeSpan _killPatience = TimeSpan.FromSeconds(10);

    public static void Begin(NamespacePod pod, NamespaceContainer container, ProcessExit exit)
    {
        container.BeginEnd();
        var info = new ExitInfo { ExitCode = exit.ExitCode, Signal = exit.Signal, FinishedAt = Clock.Now() };
        if (container.OwnsPidNamespace)
        {
            // The kernel has killed everything in it before the main process could be waited for.
            ContainerExit.Begin(pod, container, info);
            return;
        }

        CgroupEnd.Kill(
            pod,
            container.Cgroup,
            _killPatience,
            empty =>
            {
                if (!empty)
                {
                    Diagnostics.Say($"Processes of the container {container.Id} outlive SIGKILL: they wait in the kernel.");
                }

                ContainerExit.Begin(pod, container, info);
            },
            error =>
            {
                Diagnostics.Say($"The rest of the container {container.Id} cannot be killed: {error.Message}");
                ContainerExit.Begin(pod, container, info);
            });
    }
}
