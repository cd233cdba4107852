using System.Text;
using Crisp.Linux;
using Crisp.Linux.Plans;

namespace Crisp.CriServer.AppArmor;

/// <summary>Runs apparmor_parser(8), which compiles a profile and gives it to the kernel.</summary>
internal static class ProfileParser
{
    private const int MostOutput = 4096;
    private static readonly string[] _places = ["/sbin/apparmor_parser", "/usr/sbin/apparmor_parser"];
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(30);

    /// <summary>Loads or replaces the profile.</summary>
    /// <returns>A sentence about what went wrong, or null.</returns>
    public static string? Load(string text) => Run(text, "--skip-cache", "--replace");

    /// <summary>Compiles it and does nothing more.</summary>
    internal static string? Check(string text) => Run(text, "--skip-cache", "--skip-kernel-load");

    /// <summary>Null where it is not installed.</summary>
    internal static string? Program => Array.Find(_places, File.Exists);

    private static string? Run(string text, params string[] options)
    {
        if (Program is not { } program)
        {
            return "apparmor_parser is not installed.";
        }

        using var input = Memfd.Create("profile");
        using var output = Memfd.Create("output");
        Files.WriteAll(input, Encoding.UTF8.GetBytes(text));
        Files.Seek(input, 0);
        try
        {
            var code = Run(program, options, input, output);
            Files.Seek(output, 0);
            var words = Encoding.UTF8.GetString(Files.ReadToEnd(output, MostOutput)).ReplaceLineEndings("; ").Trim(' ', ';', '.');
            return code == 0 ? null : $"apparmor_parser ended with {code}: {words}.";
        }
        catch (Exception e) when (e is LinuxException or PlanDiedException or TimeoutException)
        {
            return $"apparmor_parser failed: {e.Message.TrimEnd('.')}.";
        }
    }

    private static int Run(string program, string[] options, FileDescriptor input, FileDescriptor output)
    {
        var plan = new PlanBuilder();
        plan.Dup3(plan.Descriptor("profile", input), 0);
        var both = plan.Descriptor("output", output);
        plan.Dup3(both, 1);
        plan.Dup3(both, 2);
        plan.SignalsDefault();
        plan.Execve(program, ["apparmor_parser", .. options], ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]);
        using var built = plan.Build();
        using var process = PlanLauncher.Launch(built);
        process.RunToEnd(_deadline);
        return process.WaitOrKill(_deadline)?.ExitCode ?? throw new TimeoutException($"it took longer than {_deadline.TotalSeconds} s.");
    }
}
