using System.Net.Sockets;
using System.Text;
using Crisp.CriServer.Streaming.Spdy;

namespace Crisp.CriServer.CommandLine.Streaming;

/// <summary>The command line's side of a URL that Exec, Attach or PortForward gave out.</summary>
internal sealed class StreamClient : IAsyncDisposable
{
    private const int MaxHead = 8 << 10;
    private static ReadOnlySpan<byte> EndOfHead => "\r\n\r\n"u8;
    private readonly NetworkStream _transport;
    private readonly CancellationTokenSource _closed = new();

    private StreamClient(NetworkStream transport, int maxStreams)
    {
        _transport = transport;
        Connection = new SpdyConnection(transport, new SpdyOptions { IsServer = false, MaxStreams = maxStreams, PeerGivesCredit = true });
        Reading = ReadAsync();
    }

    public SpdyConnection Connection { get; }

    /// <summary>Completes when the server has closed the connection.</summary>
    public Task Reading { get; }

    /// <exception cref="CommandException">The server does not answer, or refuses; the message says why.</exception>
    public static async Task<StreamClient> ConnectAsync(string url, string protocol, int maxStreams, CancellationToken cancellation)
    {
        var address = new Uri(url);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address.Host, address.Port, cancellation);
            var transport = new NetworkStream(socket, ownsSocket: true);
            var request = $"POST {address.AbsolutePath} HTTP/1.1\r\nHost: {address.Authority}\r\nConnection: Upgrade\r\nUpgrade: {SpdyUpgrade.Protocol}\r\n"
                + $"{SpdyUpgrade.VersionHeader}: {protocol}\r\nContent-Length: 0\r\n\r\n";
            await transport.WriteAsync(Encoding.ASCII.GetBytes(request), cancellation);
            await ExpectUpgradeAsync(transport, cancellation);
            var client = new StreamClient(transport, maxStreams);
            await client.Connection.SendSettingsAsync();
            return client;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            socket.Dispose();
            throw new CommandException($"The daemon's streaming server at {address.Authority} cannot be reached: {e.Message}");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync();
        await Reading;
        await _transport.DisposeAsync();
        await Connection.DisposeAsync();
        _closed.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            await Connection.RunAsync(_closed.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SpdyException)
        {
            // Whoever uses a stream is told.
        }
    }

    // Byte by byte: what follows the head is SPDY's.
    private static async Task ExpectUpgradeAsync(NetworkStream transport, CancellationToken cancellation)
    {
        var head = new byte[MaxHead];
        var length = 0;
        while (!head.AsSpan(0, length).EndsWith(EndOfHead))
        {
            if (length == MaxHead || await transport.ReadAsync(head.AsMemory(length, 1), cancellation) == 0)
            {
                throw new CommandException("The daemon's streaming server gave no answer that can be understood.");
            }

            length++;
        }

        var text = Encoding.Latin1.GetString(head, 0, length);
        if (!text.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal))
        {
            throw new CommandException($"The daemon's streaming server refused: {text[..text.IndexOf('\r', StringComparison.Ordinal)]}.");
        }
    }
}
