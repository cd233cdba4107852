using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>The pod's own process from its first to its last moment, when the pod is a virtual machine.</summary>
internal static class MonitorProgram
{
    /// <returns>The exit code: 1 when the machine has ended by itself.</returns>
    public static int Run(string id, string runDirectory, IGuestMachine machine)
    {
        Linux.Processes.BecomeUndumpable();
        using var signals = new SignalFd([.. StraySignals.All]);
        using var loop = new EventLoop();
        var cgroups = CgroupManager.Detect().Facts;
        SandboxService service = null!;
        service = new SandboxService(new VmPod(id, runDirectory, loop, cgroups, machine, () => service.Fail()));
        using var watch = loop.Watch(signals.Descriptor, EpollEvents.In, new SignalHandler(signals, service, static () => { }));
        using var listener = Listener.Open(loop, Path.Combine(runDirectory, "sandbox.sock"), service);
        loop.Run();
        return service.ExitCode;
    }
}
