using Crisp.Linux;

namespace Crisp.CriServer.Check.Probes;

/// <summary>VM pods: whether the kernel's virtual machines can be had.</summary>
internal static class KvmProbe
{
    private const string Device = "/dev/kvm";
    private const string Harm = "Pods with runtimeHandler kvm cannot run.";

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        Errno errno;
        try
        {
            using var device = Files.Open(Device, OpenFlags.ReadWrite);
            errno = Errno.None;
        }
        catch (LinuxException e)
        {
            errno = e.Errno;
        }

        return
        [
            errno == Errno.None && File.Exists(context.Config.SandboxBinaryPath)
                ? JudgeTrials(VmTrial.HelloFails(context.Config.SandboxBinaryPath), () => VmTrial.SyscallFails(context.Config.SandboxBinaryPath))
                : Judge(errno, Flags(File.ReadLines("/proc/cpuinfo"))),
        ];
    }

    /// <param name="hello">Why the smallest guest did not run; null when it has.</param>
    /// <param name="syscall">Asks the same of the guest with a kernel and a user.</param>
    internal static CheckResult JudgeTrials(string? hello, Func<string?> syscall) =>
        hello is not null ? CheckResult.Missing("KVM", $"{Device} can be opened, but a guest did not run: {hello}", $"{Harm} Look at the reason; crisp vm run shows more.")
        : syscall() is { } failure ? CheckResult.Missing(
            "KVM",
            $"a guest said hello from a virtual machine, but a system call of its user did not reach its kernel: {failure}",
            $"{Harm} This node's KVM is good for crisp vm run; Linux needs one whose processor virtualises (kvm_intel, kvm_amd).")
        : CheckResult.Ok("KVM", "a guest said hello from a virtual machine, and its user called its kernel");

    /// <param name="opened">Of opening /dev/kvm; none when it succeeded.</param>
    /// <param name="flags">Of the first processor.</param>
    internal static CheckResult Judge(Errno opened, IReadOnlyCollection<string> flags)
    {
        if (opened == Errno.None)
        {
            return CheckResult.Ok("KVM", $"{Device} can be opened");
        }

        var module = flags.Contains("vmx") ? "kvm_intel" : flags.Contains("svm") ? "kvm_amd" : null;
        var advice = opened is Errno.EACCES or Errno.EPERM ? $"Run as root, and let the daemon's device cgroup have {Device}."
            : module is null ? "Turn on virtualisation in the firmware or, in a virtual machine, nested virtualisation on its host."
            : $"Load the module: modprobe {module}";
        return CheckResult.Missing("KVM", $"{Device}: {opened.Describe()}{(module is null ? "; the processor shows no virtualisation" : "")}", $"{Harm} {advice}");
    }

    private static string[] Flags(IEnumerable<string> cpuinfo) =>
        cpuinfo.FirstOrDefault(l => l.StartsWith("flags", StringComparison.Ordinal))?.Split(' ') ?? [];
}
