using System.Text;
using Crisp.CriServer.CommandLine.Vm;
using Crisp.Kvm;
using Crisp.Kvm.Boot;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Vm;

namespace Crisp.CriServer.Check;

/// <summary>Runs small guests in virtual machines of crisp-sandbox, as <c>crisp vm run</c> would.</summary>
internal static class VmTrial
{
    private const int MostOutput = 64 << 10;
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(10);

    /// <summary>Runs the smallest guest.</summary>
    /// <param name="program">crisp-sandbox.</param>
    /// <returns>Null when the guest has said what it should, otherwise what happened instead.</returns>
    public static string? HelloFails(string program) => Fails(program, HelloGuest.Image, HelloGuest.Text);

    /// <summary>Runs a guest whose user calls its kernel, as Linux's programs do.</summary>
    /// <inheritdoc cref="HelloFails"/>
    public static string? SyscallFails(string program) => Fails(program, SyscallGuest.Image, SyscallGuest.Text);

    private static string? Fails(string program, ReadOnlySpan<byte> guest, string text)
    {
        using var image = Memfd.Create("crisp-trial");
        Files.WriteAll(image, guest);
        using var output = Memfd.Create("crisp-trial-output");
        try
        {
            return Run(program, image, output) is not { } code ? $"it did not end within {s_deadline.TotalSeconds:0} s"
                : Read(output) is var said && code == 0 && said == text ? null
                : $"it ended with {code} and said \"{said.Trim()}\"";
        }
        catch (Exception e) when (e is LinuxException or PlanDiedException or TimeoutException)
        {
            return e.Message;
        }
    }

    private static int? Run(string program, FileDescriptor image, FileDescriptor output)
    {
        using var nothing = Files.Open("/dev/null", OpenFlags.ReadWrite);
        var spec = new FlatVmSpec($"/proc/{Environment.ProcessId}/fd/{image.Number}", 1, FlatGuest.LeastMemory, EntryMode.Long);
        var builder = new PlanBuilder();
        builder.Label("Start a virtual machine").SetSid();
        builder.SignalsDefault();
        builder.SignalsBlock([.. VmProgram.Signals]);
        builder.Dup2(builder.Descriptor("/dev/null", nothing), 0);
        var said = builder.Descriptor("output", output);
        builder.Dup2(said, 1);
        builder.Dup2(said, 2);
        builder.Execve(program, spec.ToArguments(), [.. VmProcess.Environment()]);
        using var plan = builder.Build();
        using var child = PlanLauncher.Launch(plan);
        child.RunToEnd(s_deadline);
        return child.WaitOrKill(s_deadline)?.ExitCode;
    }

    private static string Read(FileDescriptor output)
    {
        Files.Seek(output, 0);
        return Encoding.Latin1.GetString(Files.ReadToEnd(output, MostOutput));
    }
}
