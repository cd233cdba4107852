using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Processes;

namespace Crisp.Sandbox.Server;

/// <summary>The pod's own process from its first to its last moment.</summary>
internal static class SandboxProgram
{
    /// <returns>The exit code.</returns>
    public static int Run(string id, string runDirectory)
    {
        // Containers that share the node's PID namespace must not read its memory or its descriptors through /proc.
        Linux.Processes.BecomeUndumpable();
        Linux.Processes.BecomeSubreaper();
        using var signals = new SignalFd([.. StraySignals.All]);
        using var loop = new EventLoop();
        var cgroups = CgroupManager.Detect();
        using var launcher = new ProcessLauncher(cgroups.Facts);
        var pod = new NamespacePod(id, runDirectory, loop, cgroups, launcher);
        var service = new SandboxService(pod);
        using var watch = loop.Watch(signals.Descriptor, EpollEvents.In, new SignalHandler(signals, pod, service));
        using var listener = new Listener(loop, Path.Combine(runDirectory, "sandbox.sock"), service);
        loop.Run();
        return service.ExitCode;
    }

    private sealed class SignalHandler(SignalFd signals, NamespacePod pod, SandboxService service) : IEventHandler
    {
        public void OnReady(EpollEvents events)
        {
            for (int signal; (signal = signals.Take()) != 0;)
            {
                switch (signal)
                {
                    case Signals.Child:
                        pod.Reaper.Sweep();
                        break;
                    case Signals.Terminate:
                        Diagnostics.Say("SIGTERM: the pod is shut down.");
                        service.Terminate();
                        break;
                }
            }
        }
    }
}
