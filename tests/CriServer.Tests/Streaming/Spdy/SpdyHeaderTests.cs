using Crisp.CriServer.Streaming.Spdy;
using Xunit;

namespace Crisp.CriServer.Tests.Streaming.Spdy;

public sealed class SpdyHeaderTests
{
    // What zlib (compressobj with SPDY's dictionary, one Z_SYNC_FLUSH for each block) makes of three blocks, one after the other.
    private static readonly string[] _compressed =
    [
        "78f9e3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff",
        "c22a054ccc29f9a52500000000ffff",
        "02a5550c395009940829cc8bc0f9c6c2c0c20048731641223f139429180d00000000ffff",
    ];

    [Fact]
    public void Dictionary_IsTheDrafts()
    {
        Assert.Equal(1423, SpdyDictionary.Bytes.Length);
        Assert.Equal(0xE3C6A7C2, SpdyDictionary.Id);
    }

    [Fact]
    public void Blocks_OfZlibAreReadOneAfterTheOther()
    {
        using var reader = new SpdyHeaderReader();
        Assert.Equal([new("streamtype", "error")], reader.Read(Convert.FromHexString(_compressed[0])));
        Assert.Equal([new("streamtype", "stdout")], reader.Read(Convert.FromHexString(_compressed[1])));
        Assert.Equal(
            [new("streamtype", "data"), new("port", "8080"), new("requestid", "0")], reader.Read(Convert.FromHexString(_compressed[2])));
    }

    [Fact]
    public void Blocks_OfOurOwnAreReadToo()
    {
        using var reader = new SpdyHeaderReader();
        var writer = new SpdyHeaderWriter();
        for (var i = 0; i < 3; i++)
        {
            KeyValuePair<string, string>[] headers = [new("streamtype", $"{i}"), new("port", "1")];
            Assert.Equal(headers, reader.Read(writer.Write(headers)));
            Assert.Empty(reader.Read(writer.Write([])));
        }
    }
}
