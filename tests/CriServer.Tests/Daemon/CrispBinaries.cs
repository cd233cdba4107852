using System.Runtime.CompilerServices;
using Xunit;

namespace Crisp.CriServer.Tests.Daemon;

/// <summary>Which programs the tests run.</summary>
internal static class CrispBinaries
{
    private static readonly string? _published = Environment.GetEnvironmentVariable("CRISP_BIN_DIR");

    /// <summary>The published crisp where CRISP_BIN_DIR names it, else the one built with these tests.</summary>
    public static string Crisp { get; } =
        Existing(_published, "crisp") ?? Path.Combine(AppContext.BaseDirectory, "crisp");

    /// <summary>
    /// The native crisp-sandbox: it runs from a sealed memfd, where a program that needs the .NET runtime beside it cannot. Null
    /// when it has not been published.
    /// </summary>
    public static string? Sandbox { get; } =
        Existing(_published, "crisp-sandbox") ?? Existing(Path.Combine(CheckoutRoot(), "artifacts", "native"), "crisp-sandbox");

    /// <summary>Skips the test, with a reason, where no pod can run.</summary>
    public static void RequirePods()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Pods need root.");
        Assert.SkipWhen(
            Sandbox is null,
            "crisp-sandbox is not published: dotnet publish src/Sandbox -c Release -r linux-x64 -o artifacts/native, or set CRISP_BIN_DIR.");
    }

    private static string? Existing(string? directory, string name) =>
        directory is not null && File.Exists(Path.Combine(directory, name)) ? Path.Combine(directory, name) : null;

    private static string CheckoutRoot([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", ".."));
}
