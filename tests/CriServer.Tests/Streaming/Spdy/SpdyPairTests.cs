using System.Net;
using System.Net.Sockets;
using Crisp.CriServer.Streaming.Spdy;
using Xunit;

namespace Crisp.CriServer.Tests.Streaming.Spdy;

/// <summary>Both sides of a connection.</summary>
public sealed class SpdyPairTests : IAsyncLifetime
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);
    private readonly List<SpdyStream> _accepted = [];
    private readonly CancellationTokenSource _end = new();
    private readonly List<Task> _readers = [];
    private NetworkStream _clientTransport = null!;
    private NetworkStream _serverTransport = null!;
    private SpdyConnection _client = null!;
    private SpdyConnection _server = null!;

    public async ValueTask InitializeAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndpoint);
        _clientTransport = new NetworkStream(socket, ownsSocket: true);
        _serverTransport = new NetworkStream(await listener.AcceptSocketAsync(), ownsSocket: true);
        _server = new SpdyConnection(_serverTransport, new SpdyOptions { IsServer = true, Accept = Accept });
        _client = new SpdyConnection(_clientTransport, new SpdyOptions { IsServer = false, PeerGivesCredit = true });
        _readers.AddRange([_server.RunAsync(_end.Token), _client.RunAsync(_end.Token)]);
        await _client.SendSettingsAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_readers).ContinueWith(_ => { }, TaskScheduler.Default);
        await _clientTransport.DisposeAsync();
        await _serverTransport.DisposeAsync();
        await _client.DisposeAsync();
        await _server.DisposeAsync();
        _end.Dispose();
    }

    [Fact]
    public async Task StreamThatNobodyReads_StopsItsWriterAndNoOther()
    {
        var stalled = await OpenAsync();
        var other = await OpenAsync();
        var stuck = stalled.WriteAsync(new byte[1 << 20], _end.Token).AsTask();
        var bytes = new byte[3 << 20];
        Random.Shared.NextBytes(bytes);
        var reading = ReadAsync(_accepted[1]);
        await other.WriteAsync(bytes).AsTask().WaitAsync(_patience);
        await other.CompleteAsync(_end.Token);
        Assert.Equal(bytes, await reading.WaitAsync(_patience));
        Assert.False(stuck.IsCompleted);

        // And it goes on once somebody does.
        reading = ReadAsync(_accepted[0]);
        await stuck.WaitAsync(_patience);
        await stalled.CompleteAsync(_end.Token);
        Assert.Equal(1 << 20, (await reading.WaitAsync(_patience)).Length);
    }

    [Fact]
    public async Task Streams_GoBothWaysAndEndOneWayAtATime()
    {
        var stream = await OpenAsync();
        await stream.CompleteAsync(_end.Token);
        Assert.Empty(await ReadAsync(_accepted[0]).WaitAsync(_patience));
        await _accepted[0].WriteAsync("answer"u8.ToArray());
        await _accepted[0].CompleteAsync(_end.Token);
        Assert.Equal("answer"u8.ToArray(), await ReadAsync(stream).WaitAsync(_patience));
    }

    [Fact]
    public async Task Reset_IsToldToBothReaderAndWriter()
    {
        var stream = await OpenAsync();
        var writing = stream.WriteAsync(new byte[1 << 20]).AsTask();
        await _accepted[0].AbortAsync(SpdyReset.Cancel);
        await Assert.ThrowsAsync<IOException>(() => writing.WaitAsync(_patience));
        await Assert.ThrowsAsync<IOException>(() => ReadAsync(stream).WaitAsync(_patience));
        Assert.True(stream.Reset.IsCancellationRequested);
    }

    [Fact]
    public async Task LostConnection_EndsEveryStream()
    {
        var stream = await OpenAsync();
        var reading = ReadAsync(_accepted[0]);
        _clientTransport.Socket.Close();
        await Assert.ThrowsAsync<IOException>(() => reading.WaitAsync(_patience));
        Assert.True(_accepted[0].Reset.IsCancellationRequested);
        await Assert.ThrowsAnyAsync<Exception>(() => stream.WriteAsync(new byte[1 << 20]).AsTask().WaitAsync(_patience));
    }

    [Fact]
    public async Task RefusedStream_IsAnError()
        => await Assert.ThrowsAsync<IOException>(
            () => _client.OpenAsync(new Dictionary<string, string> { ["streamtype"] = "unknown" }, _end.Token).WaitAsync(_patience));

    private bool Accept(SpdyStream stream)
    {
        _accepted.Add(stream);
        return stream.Headers["streamtype"] != "unknown";
    }

    private Task<SpdyStream> OpenAsync()
        => _client.OpenAsync(new Dictionary<string, string> { ["streamtype"] = "data" }, _end.Token).WaitAsync(_patience);

    private static async Task<byte[]> ReadAsync(SpdyStream stream)
    {
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        return copy.ToArray();
    }
}
