using System.Buffers.Binary;
using System.IO.Compression;
using Crisp.CriServer.Streaming.Spdy;
using Xunit;

namespace Crisp.CriServer.Tests.Streaming.Spdy;

/// <summary>What a hostile peer may not do.</summary>
public sealed class SpdyBoundsTests
{
    [Fact]
    public void HeaderBlock_ThatInflatesBeyondTheBoundIsRefused()
    {
        using var reader = new SpdyHeaderReader();
        var bomb = Compress(new byte[8 << 20]);
        Assert.True(bomb.Length < SpdyConnection.MaxControlFrame, $"{bomb.Length}");
        Assert.Contains($"{SpdyHeaderReader.MaxInflated}", Assert.Throws<SpdyException>(() => reader.Read(bomb)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HeaderBlocks_ThatLieAreRefused()
    {
        Refused(block => BinaryPrimitives.WriteUInt32BigEndian(block, SpdyHeaderReader.MaxHeaders + 1));
        Refused(block => BinaryPrimitives.WriteUInt32BigEndian(block, uint.MaxValue));
        Refused(block => BinaryPrimitives.WriteUInt32BigEndian(block.AsSpan(4), uint.MaxValue));
        Refused(block => BinaryPrimitives.WriteUInt32BigEndian(block, 0));
        Refused(block => block[8] = (byte)'A');
    }

    [Fact]
    public async Task ControlFrame_BeyondTheBoundIsRefusedBeforeItIsRead()
        => await RefusedAsync([0x80, 3, 0, 4, 0, 0xFF, 0xFF, 0xFF], "16777215");

    [Fact]
    public async Task OtherVersions_AreRefused() => await RefusedAsync([0x80, 2, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0], "version 2");

    [Fact]
    public async Task DataForAStreamThatNeverWas_IsRefused() => await RefusedAsync([0, 0, 0, 1, 0, 0, 0, 1, 0], "stream 1");

    [Fact]
    public async Task SettingsWithAWrongCount_AreRefused()
        => await RefusedAsync([0x80, 3, 0, 4, 0, 0, 0, 4, 0x20, 0, 0, 0], "Settings");

    [Fact]
    public async Task WindowsBeyondTheirSize_AreRefused()
    {
        await RefusedAsync([.. WindowUpdate(0, int.MaxValue), .. WindowUpdate(0, int.MaxValue)], "2^31");
        await RefusedAsync(WindowUpdate(0, 0), "nothing");
    }

    [Fact]
    public async Task StreamNumbers_OnlyGrow()
    {
        var writer = new SpdyHeaderWriter();
        await RefusedAsync([.. Open(writer, 3), .. Open(writer, 3)], "stream 3");
        await RefusedAsync(Open(new SpdyHeaderWriter(), 2), "stream 2");
    }

    [Fact]
    public async Task StreamsBeyondTheBound_AreReset()
    {
        var writer = new SpdyHeaderWriter();
        byte[] script = [.. Enumerable.Range(0, 20).SelectMany(i => Open(writer, (2 * i) + 1))];
        await using var transport = new ScriptedTransport(script);
        var accepted = 0;
        await using var connection = new SpdyConnection(transport, new SpdyOptions { IsServer = true, MaxStreams = 5, Accept = _ => ++accepted > 0 });
        await connection.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(5, accepted);

        // RST_STREAM: 16 bytes, REFUSED_STREAM.
        Assert.Equal(15, Frames(transport.Written.ToArray()).Count(f => f is [0x80, 3, 0, 3, _, _, _, 8, _, _, _, _, 0, 0, 0, 3]));
    }

    [Fact]
    public async Task PeerThatKnowsWindowsAndOverrunsOne_IsReset()
    {
        byte[] script =
        [
            0x80, 3, 0, 4, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 7, 0, 1, 0, 0,
            .. Open(new SpdyHeaderWriter(), 1),
            0, 0, 0, 1, 0, 2, 0, 0, .. new byte[128 << 10],
        ];
        await using var transport = new ScriptedTransport(script);
        await using var connection = new SpdyConnection(transport, new SpdyOptions { IsServer = true, Accept = _ => true });
        await connection.RunAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Contains(Frames(transport.Written.ToArray()), f => f is [0x80, 3, 0, 3, _, _, _, 8, 0, 0, 0, 1, 0, 0, 0, 7]);
    }

    private static async Task RefusedAsync(byte[] script, string reason)
    {
        await using var transport = new ScriptedTransport(script);
        await using var connection = new SpdyConnection(transport, new SpdyOptions { IsServer = true, Accept = _ => true });
        var error = await Assert.ThrowsAsync<SpdyException>(() => connection.RunAsync(TestContext.Current.CancellationToken));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);

        // GOAWAY with PROTOCOL_ERROR is the last word.
        Assert.True(Frames(transport.Written.ToArray())[^1] is [0x80, 3, 0, 7, 0, 0, 0, 8, _, _, _, _, 0, 0, 0, 1]);
    }

    // One header "name: v", changed before it is compressed.
    private static void Refused(Action<byte[]> change)
    {
        byte[] block = [0, 0, 0, 1, 0, 0, 0, 4, .. "name"u8, 0, 0, 0, 1, (byte)'v'];
        using (var good = new SpdyHeaderReader())
        {
            Assert.Equal("v", good.Read(Compress(block))["name"]);
        }

        change(block);
        using var reader = new SpdyHeaderReader();
        Assert.Throws<SpdyException>(() => reader.Read(Compress(block)));
    }

    private static byte[] Compress(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using var zlib = new ZLibStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true);
        zlib.Write(bytes);
        zlib.Flush();
        return compressed.ToArray();
    }

    private static byte[] Open(SpdyHeaderWriter writer, int id)
    {
        var block = writer.Write([new("streamtype", "data")]);
        return [0x80, 3, 0, 1, 0, 0, 0, (byte)(10 + block.Length), 0, 0, 0, (byte)id, 0, 0, 0, 0, 0, 0, .. block];
    }

    private static byte[] WindowUpdate(byte id, uint credit)
    {
        byte[] frame = [0x80, 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, id, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(12), credit);
        return frame;
    }

    private static List<byte[]> Frames(byte[] bytes)
    {
        var frames = new List<byte[]>();
        for (var at = 0; at < bytes.Length;)
        {
            var length = SpdyFrame.HeaderSize + SpdyFrame.Parse(bytes.AsSpan(at)).Length;
            frames.Add(bytes[at..(at + length)]);
            at += length;
        }

        return frames;
    }
}
