using System.Text;
using CsCheck;
using Crisp.CriServer.Streaming.Spdy;
using Xunit;

namespace Crisp.CriServer.Tests.Streaming.Spdy;

/// <summary>
/// What crictl 1.36 sends after its HTTP request (Corpus), whole and damaged at random: a connection ends, with or without a
/// refusal, and never in another way; what it holds stays within its bounds.
/// </summary>
public sealed class SpdyCorpusTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);
    private static readonly byte[][] _seeds = [Read("crictl-exec"), Read("crictl-exec-tty"), Read("crictl-port-forward")];

    private static readonly Gen<byte[]> _damaged =
        from seed in Gen.Int[0, _seeds.Length - 1]
        from changes in Gen.Select(Gen.Int[0, 1 << 10], Gen.Byte).List[1, 6]
        from cut in Gen.Int[0, 40]
        from repeat in Gen.Int[1, 2]
        select Damage(_seeds[seed], changes, cut, repeat);

    [Theory]
    [InlineData(1)]
    [InlineData(1 << 20)]
    public async Task Exec_IsUnderstood(int piece)
    {
        var (streams, error) = await RunAsync(Read("crictl-exec"), piece);
        Assert.Null(error);
        Assert.Equal(["error", "stdin", "stdout", "stderr"], streams.Select(s => s.Headers["streamtype"]));
        Assert.Equal("hello\n", await ReadAsync(streams[1]));
    }

    [Fact]
    public async Task Terminal_HasAResizeStreamAndNoStderr()
    {
        var (streams, error) = await RunAsync(Read("crictl-exec-tty"));
        Assert.Null(error);
        Assert.Equal(["error", "stdin", "stdout", "resize"], streams.Select(s => s.Headers["streamtype"]));
    }

    [Fact]
    public async Task PortForward_NamesPortsAndRequests()
    {
        var (streams, error) = await RunAsync(Read("crictl-port-forward"));
        Assert.Null(error);
        Assert.Equal(["error 18099 0", "data 18099 0", "error 18099 1", "data 18099 1"],
            streams.Select(s => $"{s.Headers["streamtype"]} {s.Headers["port"]} {s.Headers["requestid"]}"));
        Assert.StartsWith("GET /c.json HTTP/1.1\r\n", Encoding.ASCII.GetString(await TakeAsync(streams[1], 22)), StringComparison.Ordinal);
    }

    [Fact]
    public void DamagedConnections_EndInAnOrderlyWay()
        => _damaged.Sample(
            bytes =>
            {
                var (streams, _) = RunAsync(bytes).WaitAsync(_patience).GetAwaiter().GetResult();
                return streams.Count <= 16;
            },
            iter: 5_000);

    private static async Task<(List<SpdyStream> Streams, Exception? Error)> RunAsync(byte[] bytes, int piece = 1 << 20)
    {
        var streams = new List<SpdyStream>();
        await using var transport = new ScriptedTransport(bytes, piece);
        await using var connection = new SpdyConnection(transport, new SpdyOptions
        {
            IsServer = true,
            MaxStreams = 16,
            Accept = stream =>
            {
                streams.Add(stream);
                return true;
            },
        });
        using var deadline = new CancellationTokenSource(_patience / 2);
        try
        {
            await connection.RunAsync(deadline.Token);
            return (streams, null);
        }
        catch (Exception e) when (e is SpdyException or IOException)
        {
            return (streams, e);
        }
    }

    private static async Task<string> ReadAsync(SpdyStream stream)
    {
        var bytes = new byte[1 << 10];
        return Encoding.ASCII.GetString(bytes, 0, await stream.ReadAsync(bytes.AsMemory()));
    }

    private static async Task<byte[]> TakeAsync(SpdyStream stream, int count)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes);
        return bytes;
    }

    private static byte[] Damage(byte[] seed, List<(int Place, byte Value)> changes, int cut, int repeat)
    {
        byte[] bytes = [.. Enumerable.Repeat(seed, repeat).SelectMany(b => b)];
        foreach (var (place, value) in changes)
        {
            bytes[place % bytes.Length] = value;
        }

        return bytes[..^Math.Min(cut, bytes.Length)];
    }

    private static byte[] Read(string name)
    {
        using var stream = typeof(SpdyCorpusTests).Assembly.GetManifestResourceStream("streaming/" + name) ?? throw new FileNotFoundException(name);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
