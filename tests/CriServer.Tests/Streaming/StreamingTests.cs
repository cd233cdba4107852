using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Streaming;
using Crisp.CriServer.Tests.Pods;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Streaming;

/// <summary>Exec, attach and port-forward of real containers, through the URLs that CRI gives out.</summary>
public sealed class StreamingTests(PodNode node) : IClassFixture<PodNode>, IAsyncLifetime
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private string _pod = "";
    private string _container = "";

    public async ValueTask InitializeAsync()
    {
        if (node.Daemon is not null)
        {
            _pod = await node.RunPodAsync();
            _container = await node.LaunchAsync(_pod, ["sleep", "1000"]);
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
    public async Task Exec_HasItsStreamsAndCode()
    {
        PodNode.Require();
        await using var client = await SpdyCommandClient.ConnectAsync(await ExecUrlAsync("sh", "-c", "cat; echo err >&2; exit 7"), "stdin", "stdout", "stderr");
        var bytes = new byte[5 << 20];
        Random.Shared.NextBytes(bytes);
        var output = client.ReadAsync("stdout");
        await client["stdin"].WriteAsync(bytes);
        await client["stdin"].CompleteAsync(CancellationToken.None);
        Assert.Equal(bytes, await output.WaitAsync(_patience));
        Assert.Equal("err\n", Encoding.ASCII.GetString(await client.ReadAsync("stderr").WaitAsync(_patience)));
        Assert.Equal(7, RemoteCommand.ReadStatus(await client.ReadAsync("error").WaitAsync(_patience)));
    }

    [Fact]
    public async Task Url_WorksOnce()
    {
        PodNode.Require();
        var url = await ExecUrlAsync("true");
        Assert.NotEqual(url, await ExecUrlAsync("true"));
        await using (var client = await SpdyCommandClient.ConnectAsync(url, "stdin", "stdout", "stderr"))
        {
            Assert.Equal(0, RemoteCommand.ReadStatus(await client.ReadAsync("error").WaitAsync(_patience)));
        }

        using var http = new HttpClient();
        Assert.Equal(HttpStatusCode.NotFound, (await http.PostAsync(new Uri(url), null)).StatusCode);

        // A plain request uses a URL up too.
        var other = new Uri(await ExecUrlAsync("true"));
        Assert.Equal(HttpStatusCode.BadRequest, (await http.GetAsync(other)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(other)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri(other, "/exec/"))).StatusCode);
    }

    [Fact]
    public async Task Command_IsHungUpWhenItsClientGoes()
    {
        PodNode.Require();
        var client = await SpdyCommandClient.ConnectAsync(await ExecUrlAsync("sh", "-c", "trap '' HUP; echo ready; sleep 4321; sleep 4321"), "stdin", "stdout", "stderr");
        Assert.Equal((byte)'r', await client.ReadByteAsync("stdout"));
        Assert.True(await RunsAsync("sh -c trap"));
        await client.DisposeAsync();
        for (var tries = 0; tries < 200 && await RunsAsync("sh -c trap"); tries++)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.False(await RunsAsync("sh -c trap"));
    }

    [Fact]
    public async Task WhatCannotBeStarted_IsToldInTheStatus()
    {
        PodNode.Require();
        await using var client = await SpdyCommandClient.ConnectAsync(await ExecUrlAsync("/no/such/program"), "stdin", "stdout", "stderr");
        var status = Encoding.UTF8.GetString(await client.ReadAsync("error").WaitAsync(_patience));
        Assert.Contains("/no/such/program", status, StringComparison.Ordinal);
        Assert.Contains("\"reason\":\"InternalError\"", status, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_AreChecked()
    {
        PodNode.Require();
        Assert.Equal(StatusCode.InvalidArgument, (await PodNode.RefusedAsync(async () => await node.Runtime.ExecAsync(
            new ExecRequest { ContainerId = _container, Cmd = { "true" }, Tty = true, Stdout = true, Stderr = true }))).Code);
        Assert.Equal(StatusCode.InvalidArgument, (await PodNode.RefusedAsync(async () => await node.Runtime.AttachAsync(
            new AttachRequest { ContainerId = _container }))).Code);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(async () => await node.Runtime.PortForwardAsync(
            new PortForwardRequest { PodSandboxId = "nothing" }))).Code);
        Assert.Equal(StatusCode.InvalidArgument, (await PodNode.RefusedAsync(async () => await node.Runtime.PortForwardAsync(
            new PortForwardRequest { PodSandboxId = _pod, Port = { 70_000 } }))).Code);
    }

    [Theory]
    [InlineData("v5.channel.k8s.io")]
    [InlineData("v4.channel.k8s.io")]
    public async Task WebSocket_CarriesExecToo(string protocol)
    {
        PodNode.Require();
        using var socket = await ConnectAsync(await ExecUrlAsync("sh", "-c", "head -c 6; echo err >&2; exit 3"), protocol);
        Assert.Equal(protocol, socket.SubProtocol);
        await socket.SendAsync("\0hello\n"u8.ToArray(), WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
        var channels = await ReadAllAsync(socket);
        Assert.Equal("hello\n", channels[1]);
        Assert.Equal("err\n", channels[2]);
        Assert.Equal(3, RemoteCommand.ReadStatus(Encoding.UTF8.GetBytes(channels[3])));
    }

    [Fact]
    public async Task WebSocketVersion5_ClosesStdin()
    {
        PodNode.Require();
        using var socket = await ConnectAsync(await ExecUrlAsync("cat"), "v5.channel.k8s.io");
        await socket.SendAsync("\0hello\n"u8.ToArray(), WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
        await socket.SendAsync(new byte[] { 255, 0 }, WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
        var channels = await ReadAllAsync(socket);
        Assert.Equal("hello\n", channels[1]);
        Assert.Equal(0, RemoteCommand.ReadStatus(Encoding.UTF8.GetBytes(channels[3])));
    }

    [Fact]
    public async Task PortForward_ReachesAListenerAndTellsOfNone()
    {
        PodNode.Require();

        // The pod is on the node's network, so that the test can listen in it.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var url = (await node.Runtime.PortForwardAsync(new PortForwardRequest { PodSandboxId = _pod })).Url;
        await using var client = await SpdyCommandClient.ConnectForwardAsync(url);
        await client.OpenPairAsync("0", port);
        using var accepted = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await client["data0"].WriteAsync("ping"u8.ToArray());
        await client["data0"].CompleteAsync(CancellationToken.None);
        var received = new byte[16];
        Assert.Equal(4, await accepted.ReceiveAsync(received));
        Assert.Equal(0, await accepted.ReceiveAsync(received));
        await accepted.SendAsync("pong"u8.ToArray());
        accepted.Close();
        Assert.Equal("pong", Encoding.ASCII.GetString(await client.ReadAsync("data0").WaitAsync(_patience)));
        Assert.Empty(await client.ReadAsync("error0").WaitAsync(_patience));

        listener.Stop();
        await client.OpenPairAsync("1", port);
        Assert.Contains($"port {port}", Encoding.UTF8.GetString(await client.ReadAsync("error1").WaitAsync(_patience)), StringComparison.Ordinal);
    }

    /// <summary>bench/aborted-attaches.sh runs this with 10,000 of them.</summary>
    [Fact]
    public async Task AbortedAttaches_LeaveNothing()
    {
        PodNode.Require();
        var count = int.Parse(Environment.GetEnvironmentVariable("CRISP_ABORTED_ATTACHES") ?? "300", CultureInfo.InvariantCulture);
        await AbortAsync(100);
        var before = await SettledAsync();
        await AbortAsync(count);
        var after = await SettledAsync();
        TestContext.Current.TestOutputHelper!.WriteLine($"daemon and pod's process before {count} aborted attaches: {before}");
        TestContext.Current.TestOutputHelper!.WriteLine($"daemon and pod's process after {count} aborted attaches:  {after}");
        Assert.True(after.Descriptors <= before.Descriptors + 10, $"{before} became {after}");
        Assert.True(after.Threads <= before.Threads + 10, $"{before} became {after}");
        Assert.Equal(0, (await node.ExecAsync(_container, "true")).Code);
    }

    // In turn: cut after the upgrade, cut with all streams open.
    private async Task AbortAsync(int times)
    {
        for (var i = 0; i < times; i++)
        {
            var response = await node.Runtime.AttachAsync(new AttachRequest { ContainerId = _container, Stdout = true, Stderr = true });
            string[] streams = i % 2 == 0 ? ["stdout", "stderr"] : [];
            await (await SpdyCommandClient.ConnectAsync(response.Url, streams)).DisposeAsync();
        }
    }

    // A client that has gone is noticed soon, and not at once.
    private async Task<Usage> SettledAsync()
    {
        var least = Usage.Of(node.Daemon.ProcessId);
        for (var i = 0; i < 100; i++)
        {
            await Task.Delay(20);
            var now = Usage.Of(node.Daemon.ProcessId);
            least = new Usage(
                Math.Min(least.Threads, now.Threads), Math.Min(least.Descriptors, now.Descriptors), Math.Min(least.ResidentKilobytes, now.ResidentKilobytes));
        }

        return least;
    }

    private async Task<bool> RunsAsync(string command)
        => (await node.ExecAsync(_container, "ps")).Stdout.Contains(command, StringComparison.Ordinal);

    private async Task<string> ExecUrlAsync(params string[] command) => (await node.Runtime.ExecAsync(
        new ExecRequest { ContainerId = _container, Cmd = { command }, Stdin = true, Stdout = true, Stderr = true })).Url;

    private static async Task<ClientWebSocket> ConnectAsync(string url, string protocol)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(protocol);
        await socket.ConnectAsync(new Uri(url.Replace("http://", "ws://", StringComparison.Ordinal)), TestContext.Current.CancellationToken);
        return socket;
    }

    private static async Task<string[]> ReadAllAsync(ClientWebSocket socket)
    {
        using var deadline = new CancellationTokenSource(_patience);
        var channels = Enumerable.Range(0, 5).Select(_ => new StringBuilder()).ToList();
        var buffer = new byte[64 << 10];
        while (true)
        {
            var result = await socket.ReceiveAsync(buffer.AsMemory(), deadline.Token);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
                return [.. channels.Select(c => c.ToString())];
            }

            channels[buffer[0]].Append(Encoding.UTF8.GetString(buffer, 1, result.Count - 1));
        }
    }
}
