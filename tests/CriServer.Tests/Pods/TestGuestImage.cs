using Crisp.CriServer.Hosting;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>A directory as crisp vm build leaves it, except that its kernel is none.</summary>
internal static class TestGuestImage
{
    private const string Content = "no kernel";

    /// <returns>The directory.</returns>
    internal static string Write(string directory, string? version = null)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "kernel"), Content);
        File.WriteAllText(Path.Combine(directory, "initramfs"), Content);
        var file = $"\"bytes\":{Content.Length},\"sha256\":\"0\"";
        File.WriteAllText(Path.Combine(directory, "manifest.json"), $$"""
            {
              "formatVersion": 1, "crispVersion": "{{version ?? CrispVersion.Text}}", "kernelRelease": "0", "initSha256": "0", "modules": [],
              "kernel": {"name":"kernel",{{file}}}, "initramfs": {"name":"initramfs",{{file}}}
            }
            """);
        return directory;
    }
}
