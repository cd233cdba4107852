using System.Text;
using Crisp.CriServer.CommandLine.Vm;
using Crisp.Kvm;
using Crisp.Kvm.Boot;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Vm;

namespace Crisp.CriServer.Check;

/// <summary>Runs the smallest guest in a virtual machine of crisp-sandbox, as <c>crisp vm run</c> would.</summary>
internal static class VmTrial
{
    private const int MostOutput = 64 << 10;
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(10);

    /// <param name="program">crisp-sandbox.</param>
    /// <returns>Null when the guest has said what it should, otherwise what happened instead.</returns>
    public static string? Fails(string program)
    {
        using var image = Memfd.Create("crisp-hello");
        Files.WriteAll(image, HelloGuest.Image);
        using var output = Memfd.Create("crisp-hello-output");
        try
        {
            return Run(program, image, output) is not { } code ? $"it did not end within {s_deadline.TotalSeconds:0} s"
                : Read(output) is var said && code == 0 && said == HelloGuest.Text ? null
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
