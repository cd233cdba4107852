using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Check.Probes;

/// <summary>The pods' program: it is started as for a pod, and must answer.</summary>
internal static class SandboxProbe
{
    private const string Name = "crisp-sandbox";
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        var path = context.Config.SandboxBinaryPath;
        return
        [
            File.Exists(path)
                ? Try(path)
                : CheckResult.Necessary(Name, $"there is no {path}", "Install it beside crisp, or name it in the configuration (sandbox_binary)."),
        ];
    }

    private static CheckResult Try(string path)
    {
        // A socket's path must be short; the system's directory for temporary files is.
        using var directory = ProbeDirectory.Create(Path.GetTempPath());
        try
        {
            using var launcher = SandboxLauncher.Open(path);
            LaunchAsync(launcher, directory.Path).GetAwaiter().GetResult();
            return CheckResult.Ok(Name, $"{path} runs{(launcher.IsSealed ? " from a sealed copy" : "")}");
        }
        catch (Exception e) when (e is SandboxException or LinuxException)
        {
            return CheckResult.Necessary(Name, $"{path} does not run: {e.Message}", "Install the crisp-sandbox of the same version as crisp.");
        }
    }

    private static async Task LaunchAsync(SandboxLauncher launcher, string directory)
    {
        var (process, client) = await launcher.LaunchAsync(new SandboxLaunch("crisp-check", directory));
        using (process)
        await using (client)
        {
            // It has no pod, so nothing is lost.
            process.Kill();
            process.WaitForEnd(_patience);
        }
    }
}
