using System.Diagnostics;
using Xunit;

namespace Crisp.Linux.Tests.Quotas;

/// <summary>
/// A filesystem in a file, mounted for one test with quotas of projects. Not every kernel has them: where it cannot be mounted the
/// test is skipped with the reason, but in the test VM, whose kernel has them, it fails.
/// </summary>
internal sealed class QuotaFilesystem : IDisposable
{
    // What mkfs.xfs asks for at least is 300 MiB; none of it is written.
    private const long Size = 512 << 20;
    private readonly string _directory;

    private QuotaFilesystem(string directory) => _directory = directory;

    internal static IReadOnlyList<string> Types { get; } = ["ext4", "xfs"];

    /// <summary>Where it is mounted.</summary>
    internal string Path => System.IO.Path.Combine(_directory, "mount");

    /// <param name="type">Of <see cref="Types"/>.</param>
    /// <param name="options">Of mount(8).</param>
    internal static QuotaFilesystem Mount(string type, string options)
    {
        Assert.SkipUnless(Processes.EffectiveUid == 0, "needs root");
        var filesystem = new QuotaFilesystem(Directory.CreateTempSubdirectory("crisp-quota-").FullName);
        var image = System.IO.Path.Combine(filesystem._directory, "image");
        Directory.CreateDirectory(filesystem.Path);
        using (var file = File.Create(image))
        {
            file.SetLength(Size);
        }

        string[] features = type == "ext4" ? ["-q", "-O", "quota,project", "-E", "quotatype=prjquota"] : ["-q"];
        var problem = Run($"mkfs.{type}", [.. features, image]) ?? Run("mount", ["-o", $"loop,{options}", image, filesystem.Path]);
        if (problem is not null)
        {
            Directory.Delete(filesystem._directory, recursive: true);
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CRISP_TEST_VM") == "1", $"no {type} with {options} here: {problem}");
            Assert.Fail($"The test VM has no {type} with {options}: {problem}");
        }

        return filesystem;
    }

    /// <summary>Waits until nothing is counted for the project: xfs takes what is removed apart behind the caller's back.</summary>
    internal static void AwaitFree(FileDescriptor filesystem, uint project)
        => Assert.True(SpinWait.SpinUntil(() => ProjectQuota.Usage(filesystem, project).IsFree, TimeSpan.FromSeconds(30)), $"{ProjectQuota.Usage(filesystem, project)}");

    public void Dispose()
    {
        Assert.Null(Run("umount", [Path]));
        Directory.Delete(_directory, recursive: true);
    }

    /// <returns>What went wrong.</returns>
    private static string? Run(string program, string[] arguments)
    {
        // mkfs is where an unprivileged user's PATH does not lead.
        var path = ((string[])["/usr/sbin", "/sbin", "/usr/bin", "/bin"]).Select(d => System.IO.Path.Combine(d, program)).FirstOrDefault(File.Exists);
        if (path is null)
        {
            return $"{program} is not installed";
        }

        using var process = Process.Start(new ProcessStartInfo(path, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var output = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : $"{program} ended with {process.ExitCode}: {output.Trim()}";
    }
}
