using CsCheck;
using Crisp.Sandbox.Logs;
using Xunit;

namespace Crisp.Sandbox.Tests.Logs;

public sealed class LineCutterTests
{
    private static readonly Gen<byte[]> _bytes =
        Gen.Select(Gen.Int[0, 6], Gen.Int[0, 40_000]).SelectMany((kind, length) => Gen.Byte.Array[length].Select(b => Shape(b, kind)));

    [Fact]
    public void AnyBytesInAnyPieces_ComeBackTogether()
    {
        Gen.Select(_bytes, Gen.Int[1, LineCutter.MaxLine].Array[1, 20]).Sample((bytes, pieces) =>
        {
            var entries = Cut(bytes, pieces);
            var joined = entries.SelectMany(e => e.IsFull ? [.. e.Line, (byte)'\n'] : e.Line).ToArray();
            Assert.Equal(bytes, joined);
            Assert.All(entries, e => Assert.True(e.Line.Length <= LineCutter.MaxLine));
            Assert.All(entries, e => Assert.DoesNotContain((byte)'\n', e.Line));

            // Only what is too long is cut, and what has no newline at the end of the stream.
            Assert.All(entries.Take(entries.Count - 1), e => Assert.True(e.IsFull || e.Line.Length == LineCutter.MaxLine));
        }, iter: 300);
    }

    [Theory]
    [InlineData(LineCutter.MaxLine, "F")]
    [InlineData(LineCutter.MaxLine + 1, "PF")]
    [InlineData(2 * LineCutter.MaxLine, "PF")]
    [InlineData((2 * LineCutter.MaxLine) + 1, "PPF")]
    [InlineData(0, "F")]
    public void Line_IsCutOnlyWhenItIsLongerThanAnEntry(int length, string tags)
    {
        var entries = Cut([.. Enumerable.Repeat((byte)'x', length), (byte)'\n'], [4096]);

        Assert.Equal(tags, string.Concat(entries.Select(e => e.IsFull ? "F" : "P")));
        Assert.Equal(length, entries.Sum(e => e.Line.Length));
    }

    [Fact]
    public void EmptyCutter_GivesItsBufferBack()
    {
        var buffers = new LogBuffers();
        var first = new LineCutter(buffers);
        "line\n"u8.CopyTo(first.Room());
        first.Advance(5);
        Assert.True(first.TryPeek(out _, out _));
        first.Rest();
        var second = new LineCutter(buffers);
        second.Room()[0] = (byte)'!';
        Assert.True(first.TryPeek(out var line, out _));
        Assert.Equal("line"u8, line);
        first.Take();
        first.Rest();
        var third = new LineCutter(buffers);
        Assert.Equal((byte)'l', third.Room()[0]);
    }

    private static List<(byte[] Line, bool IsFull)> Cut(byte[] bytes, int[] pieces)
    {
        var cutter = new LineCutter(new LogBuffers());
        var entries = new List<(byte[], bool)>();
        var piece = 0;
        for (var rest = bytes.AsSpan(); !rest.IsEmpty; piece++)
        {
            var room = cutter.Room();
            Assert.True(room.Length >= LineCutter.MaxLine - 1);
            var count = Math.Min(Math.Min(pieces[piece % pieces.Length], room.Length), rest.Length);
            rest[..count].CopyTo(room);
            cutter.Advance(count);
            rest = rest[count..];
            while (cutter.TryPeek(out var line, out var isFull))
            {
                entries.Add((line.ToArray(), isFull));
                cutter.Take();
            }
        }

        if (cutter.TryPeekRest(out var last))
        {
            entries.Add((last.ToArray(), false));
            cutter.Take();
        }

        Assert.True(cutter.IsEmpty);
        return entries;
    }

    // From no newline at all to nothing else.
    private static byte[] Shape(byte[] bytes, int kind)
    {
        var limit = kind switch { 0 => -1, 1 => 0, 2 => 1, 3 => 10, 4 => 128, 5 => 254, _ => 255 };
        return [.. bytes.Select(b => b <= limit ? (byte)'\n' : b == (byte)'\n' ? (byte)'x' : b)];
    }
}
