using Crisp.Linux;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Vm;
using Crisp.Sandbox.Vm.Guest;

if (args is [VmProgram.Option or VmProgram.LinuxOption, var specification])
{
    return VmProgram.Run(args[0], specification);
}

if (args is not ["--id", var id, "--run-dir", var directory, .. var rest] || rest is not ([] or ["--guest-mounts", _]))
{
    Diagnostics.Say("crisp-sandbox is started by crisp, never by hand: crisp-sandbox --id ID --run-dir DIRECTORY");
    return 64;
}

try
{
    using var mounts = rest is [_, var guestMounts] ? new GuestMounts(guestMounts) : null;
    return SandboxProgram.Run(id, directory, (loop, service) => Listener.Open(loop, Path.Combine(directory, "sandbox.sock"), service), mounts);
}
catch (Exception e) when (e is LinuxException or IOException or NotSupportedException)
{
    Diagnostics.Say($"The process of the pod {id} cannot run: {e.Message}");
    return 1;
}
