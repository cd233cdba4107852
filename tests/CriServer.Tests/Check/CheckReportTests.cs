using System.Text.Json;
using Crisp.CriServer.Check;
using Xunit;

namespace Crisp.CriServer.Tests.Check;

public sealed class CheckReportTests
{
    private static readonly CheckResult _ok = CheckResult.Ok("kernel", "6.12");
    private static readonly CheckResult _warning = CheckResult.Warning("limit", "12", "Raise it.");
    private static readonly CheckResult _missing = CheckResult.Missing("KVM", "no device", "Load the module.");
    private static readonly CheckResult _necessary = CheckResult.Necessary("cgroups", "none", "Mount them.");

    [Fact]
    public void Line_HasItsStateFirstAndTheAdviceBelow()
    {
        Assert.Equal("ok        kernel                          6.12\n", CheckReport.Line(_ok, colour: false));
        Assert.Equal("missing   KVM                             no device\n          -> Load the module.\n", CheckReport.Line(_missing, colour: false));
        Assert.StartsWith("MISSING   cgroups ", CheckReport.Line(_necessary, colour: false), StringComparison.Ordinal);
    }

    [Fact]
    public void Colour_ChangesNothingButColours()
    {
        foreach (var result in new[] { _ok, _warning, _missing, _necessary })
        {
            var coloured = CheckReport.Line(result, colour: true);
            Assert.StartsWith("\u001b[3", coloured, StringComparison.Ordinal);
            var plain = System.Text.RegularExpressions.Regex.Replace(coloured, "\u001b\\[[0-9]+m", "");
            Assert.Equal(CheckReport.Line(result, colour: false), plain);
        }
    }

    [Fact]
    public void ControlCharactersOfTheNode_DoNotReachTheTerminal() =>
        Assert.DoesNotContain('\u001b', CheckReport.Line(CheckResult.Warning("cni", "a\u001b[2J", "b\u001b[2J"), colour: false));

    [Fact]
    public void ExitCode_IsOneExactlyWhenSomethingNecessaryIsMissing()
    {
        Assert.Equal(0, CheckReport.ExitCode([_ok, _warning, _missing]));
        Assert.Equal(1, CheckReport.ExitCode([_ok, _necessary]));
        Assert.Equal(0, CheckReport.ExitCode([]));
    }

    [Fact]
    public void Verdict_SaysWhetherPodsCanRun()
    {
        Assert.Equal("This node can run pods; nothing is missing.\n", CheckReport.Verdict([_ok]));
        Assert.Equal("This node can run pods. 1 optional part missing, 2 warnings.\n", CheckReport.Verdict([_ok, _missing, _warning, _warning]));
        Assert.Equal("This node cannot run pods. Missing: cgroups.\n", CheckReport.Verdict([_ok, _missing, _necessary]));
    }

    [Fact]
    public void Json_HasTheSame()
    {
        var json = JsonDocument.Parse(CheckReport.Json([_ok, _necessary])).RootElement;
        Assert.False(json.GetProperty("usable").GetBoolean());
        var checks = json.GetProperty("checks").EnumerateArray().ToList();
        Assert.Equal(("kernel", "Ok", "6.12", JsonValueKind.Null, false), Fields(checks[0]));
        Assert.Equal(("cgroups", "Missing", "none", JsonValueKind.String, true), Fields(checks[1]));
        Assert.True(JsonDocument.Parse(CheckReport.Json([_warning, _missing])).RootElement.GetProperty("usable").GetBoolean());
    }

    private static (string?, string?, string?, JsonValueKind, bool) Fields(JsonElement check) => (
        check.GetProperty("name").GetString(),
        check.GetProperty("state").GetString(),
        check.GetProperty("found").GetString(),
        check.GetProperty("advice").ValueKind,
        check.GetProperty("isNecessary").GetBoolean());
}
