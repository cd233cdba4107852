using System.Text;
using System.Text.RegularExpressions;
using Xunit;

namespace Crisp.CriServer.Tests.Daemon;

/// <summary>What the published programs need of a node's C library (README, "Floor").</summary>
public sealed partial class ProgramFloorTests
{
    private static readonly Version _floor = new(2, 34);

    [Fact]
    public void Crisp_StartsOnTheFloorsGlibc()
    {
        var versions = Versions(CrispBinaries.Crisp);
        Assert.SkipWhen(versions.Count == 0, "crisp is not published (CRISP_BIN_DIR).");

        Assert.True(versions.Max() <= _floor, $"{CrispBinaries.Crisp} needs glibc {versions.Max()}.");
    }

    [Fact]
    public void CrispSandbox_NeedsNoLibrary()
    {
        Assert.SkipWhen(CrispBinaries.Sandbox is null, "crisp-sandbox is not published.");

        Assert.DoesNotContain("/ld-linux-x86-64.so.2\0", Latin1(CrispBinaries.Sandbox), StringComparison.Ordinal);
    }

    // Of the versions of symbols that the dynamic linker looks for (.gnu.version_r), whose names are strings in the file. A host of
    // CoreCLR (apphost) is not what users get.
    private static List<Version> Versions(string program)
    {
        var isNative = new FileInfo(program).Length > 10_000_000;
        return isNative ? [.. GlibcVersion().Matches(Latin1(program)).Select(m => Version.Parse(m.Groups[1].Value))] : [];
    }

    private static string Latin1(string program) => Encoding.Latin1.GetString(File.ReadAllBytes(program));

    [GeneratedRegex(@"\0GLIBC_([0-9]+\.[0-9]+)(?:\.[0-9]+)?(?=\0)")]
    private static partial Regex GlibcVersion();
}
