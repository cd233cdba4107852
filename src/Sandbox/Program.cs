using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Vm;
using Crisp.Sandbox.Vm.Guest;
using Crisp.Sandbox.Vm.Monitor;

switch (args)
{
    case [VmProgram.Option or VmProgram.LinuxOption, var specification]:
        return VmProgram.Run(args[0], specification);
    case [GuestProgram.Option]:
        return GuestProgram.Run();
    case [] when Environment.ProcessId == 1:
        return GuestProgram.Begin();
    case not ["--id", _, "--run-dir", _, ..]:
    case not ([_, _, _, _] or [_, _, _, _, SandboxLaunch.MonitorOption] or [_, _, _, _, SandboxLaunch.GuestMountsOption, _]):
        Diagnostics.Say("crisp-sandbox is started by crisp, never by hand: crisp-sandbox --id ID --run-dir DIRECTORY");
        return 64;
}

var (id, directory) = (args[1], args[3]);
try
{
    if (args is [.., SandboxLaunch.MonitorOption])
    {
        return MonitorProgram.Run(id, directory, new KvmGuestMachine(id, Path.Combine(directory, "console")));
    }

    using var mounts = args is [.., SandboxLaunch.GuestMountsOption, var guestMounts] ? new GuestMounts(guestMounts) : null;
    return SandboxProgram.Run(id, directory, (loop, service) => Listener.Open(loop, Path.Combine(directory, "sandbox.sock"), service), mounts);
}
catch (Exception e) when (e is LinuxException or IOException or NotSupportedException)
{
    Diagnostics.Say($"The process of the pod {id} cannot run: {e.Message}");
    return 1;
}
