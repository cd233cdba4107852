using System.Diagnostics;

namespace Crisp.Conformance.Tests;

/// <summary>A directory that is a mount of the node with a filesystem below it at sub/, until the test ends.</summary>
internal sealed class NodeMount : IDisposable
{
    /// <param name="shared">Whether what is mounted below reaches those who have joined.</param>
    internal NodeMount(string directory, bool shared)
    {
        Path = directory;
        Run($"mount --bind $0 $0 && mount --make-{(shared ? "shared" : "private")} $0 && mkdir -p $0/sub && mount -t tmpfs tmpfs $0/sub", directory);
    }

    internal string Path { get; }

    /// <summary>Runs a shell script of the node.</summary>
    internal static void Run(string script, string argument)
    {
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", script, argument]) { RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{script} ended with {process.ExitCode}: {errors}");
        }
    }

    public void Dispose() => Run("umount -R -l $0", Path);
}
