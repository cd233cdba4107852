using Crisp.CriServer.CommandLine;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

public sealed class TrailingCommandTests
{
    [Theory]
    [InlineData("run image sh -c x", "run image -- sh -c x")]
    [InlineData("run -e A=1 --privileged image -p", "run -e A=1 --privileged image -- -p")]
    [InlineData("run -e=A=1 image", "run -e=A=1 image --")]
    [InlineData("run image -- -x", "run image -- -x")]
    [InlineData("run --help", "run --help")]
    [InlineData("exec app ls -- --help", "exec app -- ls -- --help")]
    [InlineData("exec -- app ls", "exec -- app ls")]
    [InlineData("exec --socket=/s --timeout 3 app sh", "exec --socket=/s --timeout 3 app -- sh")]
    [InlineData("exec -i app sh", "exec -i app -- sh")]
    [InlineData("image import x --name y", "image import x --name y")]
    public void Separate_EndsOptionsAfterTheFirstArgument(string typed, string parsed)
        => Assert.Equal(parsed.Split(' '), TrailingCommand.Separate(CrispCommand.Create(), typed.Split(' '), "run", "exec"));

    [Fact]
    public void Parse_LeavesTheTrailingCommandAlone()
        => Assert.Empty(CrispCommand.Parse(["run", "-e", "A=1", "image", "sh", "-c", "--rm", "-p"]).Errors);
}
