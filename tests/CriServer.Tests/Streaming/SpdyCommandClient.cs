using Crisp.CriServer.CommandLine.Streaming;
using Crisp.CriServer.Streaming.Spdy;

namespace Crisp.CriServer.Tests.Streaming;

/// <summary>A client of one URL, with its streams by their names.</summary>
internal sealed class SpdyCommandClient : IAsyncDisposable
{
    private readonly StreamClient _client;
    private readonly Dictionary<string, SpdyStream> _streams = [];

    private SpdyCommandClient(StreamClient client) => _client = client;

    public SpdyStream this[string name] => _streams[name];

    /// <summary>Opens the error stream and the named ones.</summary>
    public static async Task<SpdyCommandClient> ConnectAsync(string url, params string[] streams)
    {
        var client = new SpdyCommandClient(await StreamClient.ConnectAsync(url, "v4.channel.k8s.io", 5, CancellationToken.None));
        foreach (var name in (string[])["error", .. streams])
        {
            await client.OpenAsync(name, ("streamtype", name));
        }

        return client;
    }

    public static async Task<SpdyCommandClient> ConnectForwardAsync(string url)
        => new(await StreamClient.ConnectAsync(url, "portforward.k8s.io", 512, CancellationToken.None));

    /// <summary>Opens errorN and dataN for a connection.</summary>
    public async Task OpenPairAsync(string request, int port)
    {
        foreach (var type in (string[])["error", "data"])
        {
            await OpenAsync(type + request, ("streamtype", type), ("port", $"{port}"), ("requestid", request));
        }
    }

    public async Task<byte[]> ReadAsync(string name)
    {
        var copy = new MemoryStream();
        await _streams[name].CopyToAsync(copy);
        return copy.ToArray();
    }

    public async Task<int> ReadByteAsync(string name)
    {
        var one = new byte[1];
        return await _streams[name].ReadAsync(one.AsMemory()) == 1 ? one[0] : -1;
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private async Task OpenAsync(string name, params (string Name, string Value)[] headers)
        => _streams[name] = await _client.Connection.OpenAsync(headers.ToDictionary(h => h.Name, h => h.Value), CancellationToken.None);
}
