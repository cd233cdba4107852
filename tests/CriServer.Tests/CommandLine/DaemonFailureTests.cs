using System.Net.Sockets;
using Crisp.CriServer.Tests.Daemon;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

public sealed class DaemonFailureTests
{
    [Theory]
    [InlineData("ps")]
    [InlineData("pods")]
    [InlineData("logs", "app")]
    public async Task NoSocket_SaysHowToStartTheDaemon(params string[] command)
    {
        var (code, output, error) = await CrispProcess.RunAsync([.. command, "--socket", "unix:///no/such.sock"]);
        Assert.Equal((1, ""), (code, output));
        Assert.Equal("crisp: There is no socket /no/such.sock. Start the daemon with crisp serve, or name its socket with --socket or CRISP_SOCKET.\n", error);
    }

    [Fact]
    public async Task SocketThatNobodyListensOn_SaysSo()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.Combine("dead.sock");
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));

            // .NET removes the file when it closes a socket that it bound; a killed daemon does not.
            File.Move(path, path + ".kept");
        }

        File.Move(path + ".kept", path);
        var (code, _, error) = await CrispProcess.RunAsync("ps", "--socket", path);
        Assert.Equal(1, code);
        Assert.StartsWith($"crisp: Nobody listens on {path}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exec_FailsWithACodeOfItsOwn()
    {
        var (code, _, _) = await CrispProcess.RunAsync("exec", "--socket", "/no/such.sock", "app", "true");
        Assert.Equal(125, code);
    }
}
