using System.Collections;
using Crisp.Kvm;
using Crisp.Kvm.Boot.Linux;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Vm.Guest;

/// <summary>Process 1 of a guest, from its first moment to the machine's last. Its end would be the kernel's panic: it switches off.</summary>
internal static class GuestProgram
{
    /// <summary>What the program is started with the second time.</summary>
    public const string Option = "--guest";

    /// <summary>Of the vsock, where the monitor calls.</summary>
    public const uint Port = 1024;

    /// <summary>On the kernel's command line, and so in the environment of process 1: the id of the pod.</summary>
    public const string PodVariable = "CRISP_POD";

    /// <summary>
    /// Started by the kernel: starts itself again with the signals blocked that every thread of a pod's process blocks, and with the
    /// settings of the runtime that keep it small. Both are read before its main.
    /// </summary>
    public static int Begin()
    {
        try
        {
            ThreadSignals.Block([.. StraySignals.All]);
            var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(v => $"{v.Key}={v.Value}");
            ProgramImage.Replace(GuestFiles.Init, ["crisp-sandbox", Option], [.. environment, .. SandboxLauncher.RuntimeSettings]);
        }
        catch (LinuxException e)
        {
            Diagnostics.Say($"The guest's process 1 cannot start itself again: {e.Message}");
        }

        return 1;
    }

    public static int Run()
    {
        try
        {
            GuestRoot.Move();
            GuestRoot.MountKernel();
            GuestModules.Load();
            GuestRoot.MountPod(LinuxGuest.FilesystemTag);
            ResourceLimits.RaiseDescriptors();
            var pod = Environment.GetEnvironmentVariable(PodVariable) ?? throw new InvalidOperationException($"The kernel's command line has no {PodVariable}.");
            using var mounts = new GuestMounts(GuestRoot.RunDirectory);
            SandboxProgram.Run(pod, GuestRoot.RunDirectory, Listen, mounts);
        }
        catch (Exception e) when (e is LinuxException or IOException or InvalidOperationException)
        {
            Diagnostics.Say($"The guest's process 1 cannot go on: {e.Message}");
        }

        Machine.PowerOff();
        return 1;
    }

    private static Listener Listen(EventLoop loop, SandboxService service) => new(loop, VsockSockets.Listen(Port), AcceptHost, service);

    // Containers have no business here: only the host's address may call.
    private static (FileDescriptor Socket, bool IsAllowed)? AcceptHost(FileDescriptor listener)
        => VsockSockets.Accept(listener) is var (socket, cid) ? (socket, cid == VsockSockets.HostCid) : null;
}
