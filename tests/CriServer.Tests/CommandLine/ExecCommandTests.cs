using Crisp.CriServer.CommandLine;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

public sealed class ExecCommandTests
{
    [Fact]
    public void Command_KeepsItsOptionsAndFileMarks()
    {
        var parsed = CrispCommand.Parse(["exec", "--timeout", "3", "app", "ls", "--socket", "-h", "@file", "--", "[x]"]);
        Assert.Empty(parsed.Errors);
        Assert.Equal(["ls", "--socket", "-h", "@file", "--", "[x]"], parsed.GetValue<string[]>("COMMAND")!);
        Assert.Equal(3, parsed.GetValue<long>("--timeout"));
    }

    [Fact]
    public void NoCommand_IsAnError() => Assert.NotEmpty(CrispCommand.Parse(["exec", "app"]).Errors);
}
