using System.Diagnostics;
using Xunit;

namespace Crisp.Images.Tests.Builders;

/// <summary>Programs that make and read images, as reference.</summary>
internal static class Tool
{
    /// <summary>Skips the test, with a reason, where the program is not installed.</summary>
    internal static void Required(params string[] programs)
    {
        foreach (var program in programs)
        {
            Assert.SkipUnless(
                Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(directory => File.Exists(Path.Combine(directory, program))),
                $"{program} is not installed.");
        }
    }

    /// <summary>Runs a program that must succeed, and returns its output.</summary>
    internal static string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {error.Result}");
        return output;
    }
}
