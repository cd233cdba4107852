using System.Globalization;
using System.Text;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Streaming;
using Crisp.CriServer.Streaming.Spdy;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>
/// critest's "runtime should support portforward", and what it leaves out: several ports, one direction that ends before the
/// other, and a port at which nobody listens. In the protocols of the kubelet's own server: SPDY, and channels of a WebSocket.
/// </summary>
public sealed class PortForwardTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    private const int First = 7001;
    private const int Second = 7002;
    private const int Nobody = 7009;
    private const string Listeners = """
        busybox nc -ll -p 7001 -e sh -c 'echo first; wc -c' &
        busybox nc -ll -p 7002 -e sh -c 'echo second; wc -c' &
        until busybox netstat -ltn | grep 7001 && busybox netstat -ltn | grep 7002; do usleep 20000; done > /dev/null
        echo ready
        wait
        """;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task TwoPorts_AreReachedInOneSession()
    {
        await using var client = await ConnectAsync(await RunAsync());
        var answers = await Task.WhenAll(SendAsync(client, First, "one"), SendAsync(client, Second, "three"));
        Assert.Equal(["first\n3\n", "second\n5\n"], answers.Select(a => a.Data));
        Assert.All(answers, a => Assert.Empty(a.Error));
    }

    [Fact]
    public async Task ClientThatHasSentAll_StillHearsTheAnswer()
    {
        await using var client = await ConnectAsync(await RunAsync());
        Assert.Equal("first\n7\n", (await SendAsync(client, First, "request")).Data);
    }

    [Fact]
    public async Task PortAtWhichNobodyListens_IsToldAndTheOthersGoOn()
    {
        await using var client = await ConnectAsync(await RunAsync());
        var (data, error) = await SendAsync(client, Nobody, "");
        Assert.Empty(data);
        Assert.Contains($"{Nobody}", error, StringComparison.Ordinal);
        Assert.Equal("second\n0\n", (await SendAsync(client, Second, "")).Data);
    }

    [Fact]
    public async Task Channels_BelongToThePortsInTheirOrder()
    {
        var request = new PortForwardRequest { PodSandboxId = await RunAsync(), Port = { First, Second } };
        using var socket = await ChannelSocket.ConnectAsync((await Cri.Runtime.PortForwardAsync(request)).Url, "v4.channel.k8s.io");
        await socket.ReadAsync(() => Enumerable.Range(0, 4).All(c => socket[c].Length >= (c % 2 == 0 ? 7 : 2)));

        // Data and errors of each port; all begin with its number, two bytes, the low one first.
        Assert.Equal(Numbered(First, "first\n"), socket[0]);
        Assert.Equal(Numbered(First, ""), socket[1]);
        Assert.Equal(Numbered(Second, "second\n"), socket[2][..9]);
        Assert.Equal(Numbered(Second, ""), socket[3]);
    }

    private static byte[] Numbered(int port, string text) => [(byte)port, (byte)(port >> 8), .. Encoding.ASCII.GetBytes(text)];

    private async Task<string> RunAsync()
    {
        var pod = await Cri.PodAsync(c => c.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod);
        var container = await Cri.LaunchAsync(
            pod, ["sh", "-c", Listeners], c => c.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod);
        var log = (await Cri.StatusAsync(container)).LogPath;
        for (var deadline = DateTime.UtcNow + _patience; !File.Exists(log) || !(await File.ReadAllTextAsync(log)).Contains("ready", StringComparison.Ordinal);)
        {
            Assert.True(DateTime.UtcNow < deadline, "Nobody listens in the pod.");
            await Task.Delay(20);
        }

        return pod;
    }

    private async Task<StreamClient> ConnectAsync(string pod)
    {
        using var deadline = new CancellationTokenSource(_patience);
        var url = (await Cri.Runtime.PortForwardAsync(new PortForwardRequest { PodSandboxId = pod })).Url;
        return await StreamClient.ConnectAsync(url, "portforward.k8s.io", 16, deadline.Token);
    }

    /// <summary>Sends all at once, ends this direction, and reads the other to its end.</summary>
    private static async Task<(string Data, string Error)> SendAsync(StreamClient client, int port, string text)
    {
        using var deadline = new CancellationTokenSource(_patience);
        var request = Guid.NewGuid().ToString("N");
        try
        {
            var error = await OpenAsync("error");
            await error.CompleteAsync(deadline.Token);
            var data = await OpenAsync("data");
            await data.WriteAsync(Encoding.ASCII.GetBytes(text), deadline.Token);
            await data.CompleteAsync(deadline.Token);
            return (await ReadAsync(data), await ReadAsync(error));
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"The connection to port {port} neither ends nor says anything.", e);
        }

        Task<SpdyStream> OpenAsync(string type) => client.Connection.OpenAsync(
            new Dictionary<string, string> { ["streamtype"] = type, ["port"] = port.ToString(CultureInfo.InvariantCulture), ["requestid"] = request },
            deadline.Token);

        Task<string> ReadAsync(SpdyStream stream) => new StreamReader(stream, Encoding.ASCII).ReadToEndAsync(deadline.Token);
    }
}
