using System.Diagnostics;
using System.Globalization;

namespace Crisp.Linux.Tests;

/// <summary>A network namespace of a test's own.</summary>
internal sealed class TestNamespace : IDisposable
{
    internal TestNamespace()
    {
        Root.Required();
        File = OwnThread.Run(() =>
        {
            Namespaces.Unshare(NamespaceFlags.Network);
            return Namespaces.OpenOwn("net");
        });
    }

    internal FileDescriptor File { get; }

    /// <summary>Runs a shell's command in the namespace.</summary>
    /// <returns>What it printed.</returns>
    internal string Shell(string command)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"--net=/proc/{Environment.ProcessId}/fd/{File.Number}");
        using var process = Process.Start(new ProcessStartInfo("nsenter", [path, "sh", "-c", $"{{ {command}; }} 2>&1"]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{command} ended with {process.ExitCode}: {output}");
    }

    public void Dispose() => File.Dispose();
}
