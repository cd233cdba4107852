using System.Text;
using Crisp.Images.Archives;
using Crisp.Images.Tests.Builders;
using Crisp.Linux;
using Xunit;

namespace Crisp.Images.Tests.Archives;

public sealed class TarReaderTests
{
    private static readonly TarLimits _limits = new(Entries: 1000, Bytes: 1 << 20, Header: 1 << 16);

    [Fact]
    public void Fields_OfAnEntryAreRead()
    {
        var entry = Single(new TarBuilder { Owner = (1000, 2000) }.Add("name", '0', 0x9ED, "abc"u8.ToArray(), time: 7).ToArray());
        Assert.Equal(("name", TarEntryKind.File, 0x9EDu, 1000u, 2000u, 3L), (entry.Name, entry.Kind, entry.Mode, entry.Uid, entry.Gid, entry.Size));
        Assert.Equal(new Timestamp(7, 0), entry.Modified);
    }

    [Fact]
    public void Data_IsReadInPartsAndSkippedWhenItIsNot()
    {
        var large = Encoding.ASCII.GetBytes(new string('x', 200_000));
        var archive = new TarBuilder().Add("a", '0', 0, large).Add("b", '0', 0, "bb"u8.ToArray()).ToArray();
        var reader = new TarReader(new MemoryStream(archive), _limits);
        Assert.Equal("a", reader.Next()!.Name);
        var data = new List<byte>();
        for (var part = reader.ReadData(); !part.IsEmpty; part = reader.ReadData())
        {
            data.AddRange(part);
        }

        Assert.Equal(large, data);
        foreach (var stream in (Stream[])[new MemoryStream(archive), new Unseekable(archive)])
        {
            reader = new TarReader(stream, _limits);
            reader.Next();
            Assert.Equal("b", reader.Next()!.Name);
            Assert.Equal("bb"u8, reader.ReadData());
            Assert.Null(reader.Next());
        }
    }

    [Theory]
    [InlineData("prefix/and", "name", "prefix/and/name")]
    [InlineData("", "name", "name")]
    public void UstarPrefix_ComesBeforeTheName(string prefix, string name, string whole)
        => Assert.Equal(whole, Single(new TarBuilder().Header(name, '0', 0, 0, change: b => Encoding.ASCII.GetBytes(prefix).CopyTo(b, 345)).ToArray()).Name);

    [Fact]
    public void PrefixOfGnuHeaders_IsSomethingElse()
    {
        var archive = new TarBuilder().Header("name", '0', 0, 0, change: b =>
        {
            "ustar  \0"u8.CopyTo(b.AsSpan(257));
            b.AsSpan(345, 20).Fill((byte)'7');
        }).ToArray();
        Assert.Equal("name", Single(archive).Name);
    }

    [Fact]
    public void HeaderOfTheFirstTar_IsRead()
    {
        var archive = new TarBuilder().Header("dir/", '\0', 0x1ED, 0, change: b => b.AsSpan(257, 255).Clear()).ToArray();
        Assert.Equal(TarEntryKind.Directory, Single(archive).Kind);
    }

    [Fact]
    public void Base256_HoldsWhatOctalCannot()
    {
        var entry = Single(new TarBuilder().Header("name", '0', 0, 0, change: b =>
        {
            b.AsSpan(108, 8).Clear();
            b[108] = 0x80;
            b[112] = 0xFF;
            b.AsSpan(136, 12).Fill(0xFF);
        }).ToArray());
        Assert.Equal(0xFF000000, entry.Uid);
        Assert.Equal(-1, entry.Modified.Seconds);
    }

    [Fact]
    public void PaxRecords_OverrideTheHeader()
    {
        var entry = Single(new TarBuilder().Add(
            "short", '2', 0, [], "t", pax: [("path", "päth"u8.ToArray()), ("linkpath", "target"u8.ToArray()), ("uid", "4294967294"u8.ToArray()), ("gid", "7"u8.ToArray()), ("mtime", "1.000000001999"u8.ToArray())]).ToArray());
        Assert.Equal(("päth", "target", 4294967294u, 7u, new Timestamp(1, 1)), (entry.Name, entry.Target, entry.Uid, entry.Gid, entry.Modified));
    }

    [Fact]
    public void PaxRecords_AreForTheNextEntryAlone()
    {
        var reader = new TarReader(new MemoryStream(new TarBuilder().File("a", "", 0, ("path", "other"u8.ToArray())).File("b").ToArray()), _limits);
        Assert.Equal(["other", "b"], [reader.Next()!.Name, reader.Next()!.Name]);
    }

    [Fact]
    public void EmptyPaxValue_TakesTheRecordBack()
        => Assert.Equal("name", Single(new TarBuilder().File("name", "", 0, ("path", "x"u8.ToArray()), ("path", [])).ToArray()).Name);

    [Fact]
    public void SizeOfPax_IsTheSizeOfTheData()
    {
        var record = TarBuilder.Record("size", "3"u8.ToArray());
        var archive = new TarBuilder().Header("p", 'x', 0, record.Length).Data(record).Header("a", '0', 0, 0).Data("abc"u8.ToArray()).File("b").ToArray();
        var reader = new TarReader(new MemoryStream(archive), _limits);
        Assert.Equal(3, reader.Next()!.Size);
        Assert.Equal("abc"u8, reader.ReadData());
        Assert.Equal("b", reader.Next()!.Name);
    }

    [Fact]
    public void EntriesWithoutData_HaveNoneWhateverTheirHeaderSays()
    {
        var archive = new TarBuilder().Header("link", '1', 0, 1000, target: "x").File("next").ToArray();
        var reader = new TarReader(new MemoryStream(archive), _limits);
        Assert.Equal(0, reader.Next()!.Size);
        Assert.Equal("next", reader.Next()!.Name);
    }

    public static TheoryData<string, byte[]> Refused => new()
    {
        { "checksum", new TarBuilder().Header("a", '0', 0, 0).ToArray().Select((b, i) => i == 0 ? (byte)'b' : b).ToArray() },
        { "half of its end marker", [.. new byte[512], .. new TarBuilder().File("a").ToArray()] },
        { "no tar archive", new TarBuilder().File("a").ToArray()[..300] },
        { "truncated", new TarBuilder().File("a").ToArray()[..515] },
        { "truncated", new TarBuilder().File("a").File("b").ToArray()[..1300] },
        { "type 0x56", new TarBuilder().Header("volume", 'V', 0, 0).ToArray() },
        { "user or group id", new TarBuilder { Owner = (0, 4294967295) }.Header("a", '0', 0, 0, change: b => { b.AsSpan(116, 8).Clear(); b[116] = 0x80; b.AsSpan(120, 4).Fill(0xFF); }).ToArray() },
        { "octal", new TarBuilder().Header("a", '0', 0, 0, change: b => b[100] = (byte)'x').ToArray() },
        { "larger than any", new TarBuilder().Header("a", '0', 0, 0, change: b => { b.AsSpan(124, 12).Fill(0x7F); b[124] = 0xBF; }).ToArray() },
        { "at most", new TarBuilder().Header("a", '0', 0, 0, change: b => { b.AsSpan(124, 12).Fill(0xFF); }).ToArray() },
        { "device number", new TarBuilder().Device("d", '3', 0x100000, 0).ToArray() },
        { "record lengths", Pax("5 a=b\nx"u8) },
        { "record lengths", Pax("99 a=b\n"u8) },
        { "record lengths", Pax("a=b\n"u8) },
        { "no key", Pax("3 \n"u8) },
        { "not a number", Pax("-6 a=b\n"u8) },
        { "no key", Pax("6 =ab\n"u8) },
        { "NUL", Pax([.. "12 path=a"u8, 0, (byte)'b', (byte)'\n']) },
        { "not a number", Pax("9 uid=-1\n"u8) },
        { "not a time", Pax("11 mtime=x\n"u8) },
        { "not a time", Pax("13 mtime=1.x\n"u8) },
        { "at most", Pax("16 size=9999999\n"u8) },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void DamagedArchives_AreRefusedWithTheReason(string reason, byte[] archive)
    {
        var reader = new TarReader(new MemoryStream(archive), _limits);
        var error = Assert.Throws<ImageException>(() =>
        {
            while (reader.Next() is not null)
            {
                Assert.True(true);
            }
        });
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    private static TarEntry Single(byte[] archive)
    {
        var reader = new TarReader(new MemoryStream(archive), _limits);
        var entry = reader.Next();
        Assert.NotNull(entry);
        Assert.Null(reader.Next());
        return entry;
    }

    private static byte[] Pax(ReadOnlySpan<byte> records)
        => new TarBuilder().Header("pax", 'x', 0, records.Length).Data(records.ToArray()).File("a").ToArray();

    private sealed class Unseekable(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;

        // As a network gives it: in small pieces.
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 700));
    }
}
