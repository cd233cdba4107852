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
                ? JudgeTrial(VmTrial.Fails(context.Config.SandboxBinaryPath))
                : Judge(errno, Flags(File.ReadLines("/proc/cpuinfo"))),
        ];
    }

    /// <param name="failure">Of the trial; null when the guest has run.</param>
    internal static CheckResult JudgeTrial(string? failure) => failure is null
        ? CheckResult.Ok("KVM", "a guest said hello from a virtual machine")
        : CheckResult.Missing("KVM", $"{Device} can be opened, but a guest did not run: {failure}", $"{Harm} Look at the reason; crisp vm run shows more.");

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
