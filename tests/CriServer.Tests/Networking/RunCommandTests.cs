using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.Pods;
using Crisp.Images.Tests;
using Crisp.Linux;
using Xunit;

namespace Crisp.CriServer.Tests.Networking;

/// <summary>crisp run as a person runs it, on a network of CNI's real plugins.</summary>
public sealed class RunCommandTests : IAsyncLifetime
{
    private const int SigInt = 2;
    private readonly RealNetworkNode _network = new();

    private PodNode Node => _network.Pods;

    public ValueTask InitializeAsync() => _network.InitializeAsync();

    public ValueTask DisposeAsync() => _network.DisposeAsync();

    [Fact]
    public async Task PortsVolumesAndVariables_AreTheContainersUntilCtrlC()
    {
        const string Script = """
            touch /www/new 2> /dev/null || echo "cannot write to /www"
            echo "$GREETING" > /data/greeting
            busybox httpd -p 80 -h /www
            trap 'exit 0' TERM
            sleep 1000 & wait
            """;
        var pages = Directory.CreateDirectory(Path.Combine(Node.Daemon.Scratch, "pages")).FullName;
        var data = Directory.CreateDirectory(Path.Combine(Node.Daemon.Scratch, "data")).FullName;
        await File.WriteAllTextAsync(Path.Combine(pages, "index.html"), "a page of the node");
        using var run = Start("--rm", "-p", "18081:80", "-v", $"{pages}:/www:ro", "-v", $"{data}:/data", "-e", "GREETING=hello", Node.Image, "sh", "-c", Script);

        Assert.Equal("cannot write to /www", await run.StandardOutput.ReadLineAsync());
        await Eventually.TrueAsync(() => Get() == "a page of the node");
        Assert.Equal("hello\n", await File.ReadAllTextAsync(Path.Combine(data, "greeting")));

        Processes.Kill(run.Id, SigInt);
        await run.WaitForExitAsync();

        Assert.Equal((130, "", ""), (run.ExitCode, await run.StandardOutput.ReadToEndAsync(), await run.StandardError.ReadToEndAsync()));
        Assert.Null(Get());
        await AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task Rm_LeavesNothingOfACommandThatFails()
    {
        var (code, output, error) = await CrispProcess.RunAsync(
            "run", "--socket", Node.Daemon.SocketPath, "--rm", "-p", "18081:80", Node.Image, "sh", "-c", "echo out; echo err >&2; exit 7");
        Assert.Equal((7, "out\n", "err\n"), (code, output, error));
        await AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task ProgramThatIsNotThere_IsNamedAndLeavesNothing()
    {
        var (code, _, error) = await CrispProcess.RunAsync("run", "--socket", Node.Daemon.SocketPath, "-p", "18081:80", Node.Image, "/no/such/program");
        Assert.Equal(125, code);
        Assert.Contains("/no/such/program", error, StringComparison.Ordinal);
        await AssertNothingIsLeftAsync();
    }

    private System.Diagnostics.Process Start(params string[] arguments)
        => CrispProcess.Start(["run", "--socket", Node.Daemon.SocketPath, .. arguments]);

    private string? Get() => _network.TryGet($"http://{RealNetworkNode.HostAddress}:18081/");

    private async Task AssertNothingIsLeftAsync()
    {
        Assert.Empty((await Node.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
        Assert.Empty((await Node.Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
        Assert.Empty(_network.Host.Remains);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(Node.Daemon.Root, "logs")));
        await Invariants.CheckAsync(Node);
    }
}
