using System.Diagnostics;
using Xunit;

namespace Crisp.Kvm.Tests;

/// <summary>Programs that say what they think of what was written.</summary>
internal static class Tool
{
    /// <returns>What it writes to standard output.</returns>
    internal static string Run(string program, string? directory, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.WorkingDirectory = directory ?? "";
        start.Environment["TZ"] = "UTC";
        start.Environment["LC_ALL"] = "C";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program}: {errors.GetAwaiter().GetResult()}");
        return output;
    }
}
