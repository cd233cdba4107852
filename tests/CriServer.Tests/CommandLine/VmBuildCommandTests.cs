using Crisp.CriServer.CommandLine.Vm;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

public sealed class VmBuildCommandTests
{
    [Theory]
    [InlineData("/bin/busybox", "/bin/busybox", "/bin/busybox")]
    [InlineData("/a/script:/etc/start", "/a/script", "/etc/start")]
    public void File_HasAPlaceInTheGuest(string text, string source, string path) => Assert.Equal((source, path), VmBuildCommand.File(text));
}
