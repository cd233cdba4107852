using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

public sealed class ExecSyncTests(PodNode node) : IClassFixture<PodNode>, IAsyncLifetime
{
    private string _pod = "";
    private string _container = "";

    public async ValueTask InitializeAsync()
    {
        if (node.Daemon is not null)
        {
            _pod = await node.RunPodAsync();
            _container = await node.LaunchAsync(_pod, ["sleep", "1000"], c => c.Envs.Add(PodNode.Env("FROM", "container")));
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_pod.Length > 0)
        {
            await node.RemovePodAsync(_pod);
        }
    }

    [Fact]
    public async Task Exec_ReturnsBothStreamsAndTheCode()
    {
        PodNode.Require();
        Assert.Equal((5, "container\n", "err\n"), await node.ExecAsync(_container, "sh", "-c", "echo $FROM; echo err >&2; exit 5"));
        Assert.Equal((0, "", ""), await node.ExecAsync(_container, "true"));
    }

    [Fact]
    public async Task Exec_BeyondItsTimeoutIsKilled()
    {
        PodNode.Require();
        var request = new ExecSyncRequest { ContainerId = _container, Timeout = 1, Cmd = { "sleep", "987" } };
        var (code, message) = await PodNode.RefusedAsync(async () => await node.Runtime.ExecSyncAsync(request));
        Assert.Equal(StatusCode.DeadlineExceeded, code);
        Assert.Contains("sleep 987", message, StringComparison.Ordinal);
        for (var tries = 0; tries < 100 && (await node.ExecAsync(_container, "ps")).Stdout.Contains("987", StringComparison.Ordinal); tries++)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.DoesNotContain("987", (await node.ExecAsync(_container, "ps")).Stdout, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Output_IsCutAtSixteenMebibytesWithoutAnError()
    {
        PodNode.Require();
        var request = new ExecSyncRequest { ContainerId = _container, Cmd = { "sh", "-c", "yes | head -c 20000000; echo done >&2" } };
        var response = await node.Runtime.ExecSyncAsync(request);
        Assert.Equal((16 << 20, "done\n", 0), (response.Stdout.Length, response.Stderr.ToStringUtf8(), response.ExitCode));
    }

    [Fact]
    public async Task Exec_OfWhatIsNotThereIsRefused()
    {
        PodNode.Require();
        var (code, message) = await PodNode.RefusedAsync(() => node.ExecAsync(_container, "/no/such/program"));
        Assert.NotEqual(StatusCode.Unknown, code);
        Assert.Contains("/no/such/program", message, StringComparison.Ordinal);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => node.ExecAsync("nothing", "true"))).Code);
        var created = await node.CreateAsync(_pod, ["true"]);
        Assert.Equal(StatusCode.FailedPrecondition, (await PodNode.RefusedAsync(() => node.ExecAsync(created, "true"))).Code);
        Assert.Equal(StatusCode.InvalidArgument, (await PodNode.RefusedAsync(() => node.ExecAsync(_container))).Code);
    }

    [Fact]
    public async Task ProcessLeftBehindByTheCommand_DoesNotHoldTheAnswer()
    {
        PodNode.Require();
        var (code, output, _) = await node.ExecAsync(_container, "sh", "-c", "sleep 5 & echo parent");
        Assert.Equal((0, "parent\n"), (code, output));
    }

    [Fact]
    public async Task ManyAtOnce_AllAnswer()
    {
        PodNode.Require();
        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => node.ExecAsync(_container, "sh", "-c", $"echo {i}; exit {i}")));
        Assert.Equal(Enumerable.Range(0, 30).Select(i => (i, $"{i}\n", "")), answers);
    }
}
