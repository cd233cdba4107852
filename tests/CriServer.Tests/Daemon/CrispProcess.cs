using System.Diagnostics;

namespace Crisp.CriServer.Tests.Daemon;

/// <summary>Runs crisp as a person does.</summary>
internal static class CrispProcess
{
    /// <summary>Runs it to its end.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    /// <summary>Starts it, with its output and errors to be read; the caller's to dispose.</summary>
    public static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo(CrispBinaries.Crisp, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
}
