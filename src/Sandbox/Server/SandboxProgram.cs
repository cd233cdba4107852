using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Vm.Guest;

namespace Crisp.Sandbox.Server;

/// <summary>The pod's own process from its first to its last moment, when its containers are its children.</summary>
internal static class SandboxProgram
{
    /// <param name="listen">Begins to listen for calls to the service.</param>
    /// <param name="guestMounts">Null unless this kernel is a pod's own, in a virtual machine.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string id, string runDirectory, Func<EventLoop, SandboxService, Listener> listen, GuestMounts? guestMounts = null)
    {
        // Containers that share the node's PID namespace must not read its memory or its descriptors through /proc.
        Linux.Processes.BecomeUndumpable();
        Linux.Processes.BecomeSubreaper();
        using var signals = new SignalFd([.. StraySignals.All]);
        using var loop = new EventLoop();
        var cgroups = CgroupManager.Detect();
        using var launcher = new ProcessLauncher(cgroups.Facts);
        var pod = new NamespacePod(id, runDirectory, loop, cgroups, launcher, guestMounts);
        var service = new SandboxService(pod);
        using var watch = loop.Watch(signals.Descriptor, EpollEvents.In, new SignalHandler(signals, service, pod.Reaper.Sweep));
        using var listener = listen(loop, service);
        loop.Run();
        return service.ExitCode;
    }
}
