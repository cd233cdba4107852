using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using CsCheck;
using Crisp.CriServer.Streaming;
using Crisp.CriServer.Streaming.WebSockets;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.Streaming.Spdy;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Crisp.CriServer.Tests.Streaming;

/// <summary>The way from HTTP to a stream, with crictl's request whole and damaged.</summary>
public sealed class UpgradeTests : IAsyncLifetime
{
    private InProcessServer _server = null!;

    private StreamingServer Streaming => _server.App.Services.GetRequiredService<StreamingServer>();

    public async ValueTask InitializeAsync() => _server = await InProcessServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task CrictlsRequest_IsUpgraded()
    {
        var answer = await AskAsync(Head(Token()));
        Assert.StartsWith("HTTP/1.1 101 ", answer, StringComparison.Ordinal);
        Assert.Contains("Upgrade: SPDY/3.1\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Stream-Protocol-Version: v4.channel.k8s.io\r\n", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v4.channel.k8s.io", "v9.channel.k8s.io", "HTTP/1.1 101 ")]
    [InlineData("channel.k8s.io", "tunnel.k8s.io", "HTTP/1.1 403 ")]
    [InlineData("Upgrade: SPDY/3.1", "Upgrade: h2c", "HTTP/1.1 400 ")]
    [InlineData("POST ", "PUT ", "HTTP/1.1 405 ")]
    [InlineData("/exec/", "/attach/", "HTTP/1.1 404 ")]
    [InlineData("/exec/", "/exec/x", "HTTP/1.1 404 ")]
    public async Task OtherRequests_AreAnsweredWithAReason(string part, string other, string status)
        => Assert.StartsWith(status, await AskAsync(Head(Token()).Replace(part, other, StringComparison.Ordinal)), StringComparison.Ordinal);

    [Fact]
    public async Task DamagedRequests_AreAnsweredOrClosedAndTheServerGoesOn()
    {
        await Gen.Select(Gen.Select(Gen.Int[0, 1 << 10], Gen.Byte).List[1, 4], Gen.Bool).SampleAsync(
            async sample =>
            {
                var (changes, known) = sample;
                var bytes = Encoding.Latin1.GetBytes(Head(known ? Token() : "unknown"));
                foreach (var (place, value) in changes)
                {
                    bytes[place % bytes.Length] = value;
                }

                var answer = await AskAsync(Encoding.Latin1.GetString(bytes), TimeSpan.FromMilliseconds(300));
                return answer.Length == 0 || answer.StartsWith("HTTP/1.1 ", StringComparison.Ordinal);
            },
            iter: 200,
            threads: 1);
        Assert.StartsWith("HTTP/1.1 101 ", await AskAsync(Head(Token())), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CriIsNotServedHere()
        => Assert.StartsWith(
            "HTTP/1.1 404 ",
            await AskAsync("POST /runtime.v1.RuntimeService/Version HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
            StringComparison.Ordinal);

    [Fact]
    public void AnyBytesOfAWebSocket_EndItInAnOrderlyWay()
        => Gen.Byte.Array[0, 300].Sample(
            bytes =>
            {
                // A masked binary frame of one byte first, so that more than the first check is reached.
                byte[] script = [0x82, 0x82, 0, 0, 0, 0, 0, (byte)'x', .. bytes];
                using var socket = WebSocket.CreateFromStream(new ScriptedTransport(script, 7), new WebSocketCreationOptions { IsServer = true });
                using var connection = new WebSocketConnection(socket, 5, hasClose: true, static () => { });
                for (var i = 0; i < 5; i++)
                {
                    connection[i].IgnoreInput();
                }

                try
                {
                    connection.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30)).GetAwaiter().GetResult();
                }
                catch (WebSocketException)
                {
                    // Refused.
                }
            },
            iter: 2_000);

    private string Token()
    {
        var url = Streaming.UrlFor(new ExecStreamRequest("none", ["true"], Terminal: false, Stdin: true, Stdout: true, Stderr: true));
        return url[(url.LastIndexOf('/') + 1)..];
    }

    private static string Head(string token)
    {
        using var stream = typeof(UpgradeTests).Assembly.GetManifestResourceStream("streaming/crictl-exec.head")!;
        var head = new StreamReader(stream).ReadToEnd();
        var begin = head.IndexOf("/exec/", StringComparison.Ordinal) + "/exec/".Length;
        return head[..begin] + token + head[head.IndexOf(' ', begin)..];
    }

    private async Task<string> AskAsync(string request, TimeSpan? patience = null)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(Streaming.Address);
        await socket.SendAsync(Encoding.Latin1.GetBytes(request));
        var buffer = new byte[4096];
        using var deadline = new CancellationTokenSource(patience ?? TimeSpan.FromSeconds(30));
        try
        {
            return Encoding.Latin1.GetString(buffer, 0, await socket.ReceiveAsync(buffer.AsMemory(), deadline.Token));
        }
        catch (Exception e) when (patience is not null && e is SocketException or OperationCanceledException)
        {
            // A request without an end waits for it; one that is none may be closed without a word.
            return "";
        }
    }
}
