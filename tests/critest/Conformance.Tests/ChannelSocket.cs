using System.Net.WebSockets;
using System.Text;

namespace Crisp.Conformance.Tests;

/// <summary>
/// A client of the streaming server over WebSocket with a subprotocol such as <c>v5.channel.k8s.io</c>: each message begins with
/// its channel's byte. Of a command 0 is standard input, 1 output, 2 errors, 3 the status in JSON, and 255 closes a channel.
/// </summary>
internal sealed class ChannelSocket : IDisposable
{
    private const byte Close = 255;
    private readonly ClientWebSocket _socket = new();
    private readonly CancellationTokenSource _end = new(TimeSpan.FromSeconds(20));
    private readonly MemoryStream[] _received = [new(), new(), new(), new()];

    private ChannelSocket(string protocol) => _socket.Options.AddSubProtocol(protocol);

    public string Output => Text(1);

    public string Errors => Text(2);

    public string Status => Text(3);

    /// <summary>What has come through a channel.</summary>
    public byte[] this[int channel] => _received[channel].ToArray();

    public static async Task<ChannelSocket> ConnectAsync(string url, string protocol = "v5.channel.k8s.io")
    {
        var socket = new ChannelSocket(protocol);
        await socket._socket.ConnectAsync(new UriBuilder(url) { Scheme = "ws" }.Uri, socket._end.Token);
        return socket;
    }

    public async Task WriteAsync(string text)
        => await _socket.SendAsync(new byte[] { 0 }.Concat(Encoding.UTF8.GetBytes(text)).ToArray(), WebSocketMessageType.Binary, true, _end.Token);

    /// <summary>The end of standard input.</summary>
    public async Task CloseInputAsync() => await _socket.SendAsync(new byte[] { Close, 0 }, WebSocketMessageType.Binary, true, _end.Token);

    /// <summary>Reads until the server has closed, or what has come satisfies.</summary>
    public async Task ReadAsync(Func<bool>? until = null)
    {
        var buffer = new byte[65_536];
        var channel = -1;
        try
        {
            while (until?.Invoke() != true)
            {
                var result = await _socket.ReceiveAsync(buffer, _end.Token);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                var start = channel < 0 ? 1 : 0;
                channel = channel < 0 ? buffer[0] : channel;
                if (channel < _received.Length)
                {
                    await _received[channel].WriteAsync(buffer.AsMemory(start, result.Count - start));
                }

                channel = result.EndOfMessage ? -1 : channel;
            }
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"The stream neither ends nor says more than \"{Output}\" \"{Errors}\" {Status}", e);
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _end.Dispose();
    }

    private string Text(int channel) => Encoding.UTF8.GetString(_received[channel].ToArray());
}
