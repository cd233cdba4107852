using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Crisp.Api.V1;
using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.Events;
using Crisp.CriServer.Tests.Pods;
using Crisp.CriServer.Tests.State;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Crisp.CriServer.Tests.Monitoring;

public sealed class MetricsEndpointTests : IAsyncLifetime
{
    private InProcessServer _server = null!;
    private HttpClient _http = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await InProcessServer.StartAsync(c => c with { MetricsAddress = "127.0.0.1:0" });
        _http = new HttpClient { BaseAddress = _server.MetricsUrl };
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return _server.DisposeAsync();
    }

    [Fact]
    public async Task Calls_AreCountedByMethodAndCode()
    {
        var runtime = _server.Connect();
        await runtime.VersionAsync(new VersionRequest());
        await runtime.VersionAsync(new VersionRequest());
        await Assert.ThrowsAsync<RpcException>(async () => await runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = "none" }));
        await Assert.ThrowsAsync<RpcException>(async () => await runtime.CheckpointContainerAsync(new CheckpointContainerRequest()));
        await foreach (var _ in runtime.StreamContainers(new StreamContainersRequest()).ResponseStream.ReadAllAsync())
        {
            Assert.Fail("There is no container.");
        }

        var metrics = await ReadAsync();
        Assert.Equal(2, metrics["crisp_rpc_calls_total{method=\"Version\",code=\"OK\"}"]);
        Assert.Equal(1, metrics["crisp_rpc_calls_total{method=\"ContainerStatus\",code=\"NotFound\"}"]);
        Assert.Equal(1, metrics["crisp_rpc_calls_total{method=\"CheckpointContainer\",code=\"Unimplemented\"}"]);
        Assert.Equal(1, metrics["crisp_rpc_calls_total{method=\"StreamContainers\",code=\"OK\"}"]);
        Assert.Equal(2, metrics["crisp_rpc_duration_seconds_count{method=\"Version\"}"]);
        Assert.True(metrics["crisp_rpc_duration_seconds_sum{method=\"Version\"}"] > 0);
        Assert.DoesNotContain("crisp_rpc_duration_seconds_count{method=\"StreamContainers\"}", metrics.Keys);
    }

    [Fact]
    public async Task CallsInFlight_AreCountedWhileTheyLast()
    {
        const string Events = "crisp_rpc_calls_in_flight{method=\"GetContainerEvents\"}";
        using (var events = _server.Connect().GetContainerEvents(new GetEventsRequest()))
        {
            await UntilAsync(Events, 1);
        }

        await UntilAsync(Events, 0);
        await Assert.ThrowsAsync<RpcException>(async () => await _server.Connect().ContainerStatusAsync(new ContainerStatusRequest { ContainerId = "none" }));
        await UntilAsync("crisp_rpc_calls_in_flight{method=\"ContainerStatus\"}", 0);
    }

    [Fact]
    public async Task PodsAndContainers_AreCountedByHandlerAndState()
    {
        var node = _server.Node;
        var sandbox = new LiveSandbox(Records.Sandbox() with { RuntimeHandler = "" }, node.SandboxRecords);
        node.Index.Add(sandbox);
        var container = new LiveContainer(Records.Container(sandbox.Id) with { Stage = ContainerStage.Created, Exit = null }, node.ContainerRecords);
        node.Index.Add(container);
        EventState.Start(container);
        var metrics = await ReadAsync();
        Assert.Equal(1, metrics["crisp_sandboxes{handler=\"crisp\",state=\"Ready\"}"]);
        Assert.Equal(0, metrics["crisp_sandboxes{handler=\"crisp\",state=\"NotReady\"}"]);
        Assert.Equal(1, metrics["crisp_containers{handler=\"crisp\",state=\"Running\"}"]);
        EventState.Stop(container);
        metrics = await ReadAsync();
        Assert.Equal(0, metrics["crisp_containers{handler=\"crisp\",state=\"Running\"}"]);
        Assert.Equal(1, metrics["crisp_containers{handler=\"crisp\",state=\"Exited\"}"]);
        node.Index.Remove(container);
        node.Index.Remove(sandbox);
        Assert.Equal(0, (await ReadAsync())["crisp_sandboxes{handler=\"crisp\",state=\"Ready\"}"]);
    }

    [Fact]
    public async Task Layers_AreMeasured()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Layers need root.");
        TestImage.RequireBusybox();
        using var directory = new TemporaryDirectory();
        var path = new TestImage("example.test/a:1").WriteTo(directory.Path);
        using var call = new ImageImports.ImageImportsClient(_server.Open()).Import(new ImportImageRequest { Path = path, Name = "example.test/a:1" });
        Assert.NotEmpty(await call.ResponseStream.ReadAllAsync().ToListAsync());
        var metrics = await ReadAsync();
        Assert.True(metrics["crisp_image_layer_unpack_duration_seconds_count"] >= 1);
        Assert.True(metrics["crisp_image_layer_bytes_total"] > 100_000);
    }

    [Fact]
    public async Task Daemon_CountsItsOwnMemoryAndTime()
    {
        var metrics = await ReadAsync();
        Assert.InRange(metrics["process_resident_memory_bytes"], 1 << 20, 1L << 34);
        Assert.InRange(metrics["process_cpu_seconds_total"], 0.001, 100_000);
        Assert.InRange(metrics["process_open_fds"], 3, 100_000);
        Assert.InRange(metrics["process_threads"], 1, 1000);
        Assert.InRange(metrics["process_start_time_seconds"], 1_600_000_000, DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        Assert.Equal(0, metrics["crisp_sandbox_processes"]);
        Assert.Contains(metrics, m => m.Key.StartsWith("crisp_build_info{version=\"", StringComparison.Ordinal) && m.Value == 1);
    }

    [Fact]
    public async Task NothingElse_IsReachableThroughIt()
    {
        Assert.Equal(HttpStatusCode.NotFound, (await _http.GetAsync("/")).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await _http.PostAsync("/metrics", new StringContent(""))).StatusCode);
        var call = new HttpRequestMessage(HttpMethod.Post, "/runtime.v1.RuntimeService/Version") { Content = new ByteArrayContent(new byte[5]) };
        call.Content.Headers.ContentType = new("application/grpc");
        Assert.Equal(HttpStatusCode.NotFound, (await _http.SendAsync(call)).StatusCode);
        using var channel = GrpcChannel.ForAddress(_http.BaseAddress!);
        var runtime = new RuntimeService.RuntimeServiceClient(channel);
        await Assert.ThrowsAsync<RpcException>(async () => await runtime.VersionAsync(new VersionRequest(), deadline: DateTime.UtcNow.AddSeconds(5)));
    }

    [Fact]
    public async Task WithoutAnAddress_NothingListens()
    {
        await using var server = await InProcessServer.StartAsync();
        Assert.Equal(2, server.App.Urls.Count);
        using var http = new HttpClient { BaseAddress = new Uri(server.App.Urls.Single(u => !u.StartsWith("http://unix:", StringComparison.Ordinal))) };
        var response = await http.GetAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task PortInUse_IsSaidInOneSentence()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        using var directory = new TemporaryDirectory();
        var config = new CrispConfig
        {
            Root = directory.Combine("root"),
            Run = directory.Combine("run"),
            MetricsAddress = taken.LocalEndpoint.ToString(),
            LogLevel = LogLevel.None,
        };
        var error = await Assert.ThrowsAsync<StartException>(() => Hosting.Daemon.RunAsync(config, () => config, default));
        Assert.Contains($"Cannot listen on {config.MetricsAddress}", error.Message, StringComparison.Ordinal);
    }

    private async Task UntilAsync(string series, double value)
    {
        for (var tries = 0; tries < 500 && (await ReadAsync()).GetValueOrDefault(series, double.NaN) != value; tries++)
        {
            await Task.Delay(20);
        }

        Assert.Equal(value, (await ReadAsync()).GetValueOrDefault(series, double.NaN));
    }

    private async Task<Dictionary<string, double>> ReadAsync()
    {
        using var response = await _http.GetAsync("/metrics");
        Assert.Equal("text/plain", response.EnsureSuccessStatusCode().Content.Headers.ContentType!.MediaType);
        return (await response.Content.ReadAsStringAsync()).Split('\n')
            .Where(line => line.Length > 0 && line[0] != '#')
            .ToDictionary(line => line[..line.LastIndexOf(' ')], line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }
}
