using System.Reflection;
using CsCheck;
using Crisp.Images.Archives;
using Crisp.Images.Tests.Builders;
using Xunit;

namespace Crisp.Images.Tests.Archives;

/// <summary>
/// Archives of real programs (Corpus, see its names), whole and damaged at random: whatever the bytes are, the reader ends
/// with entries or with a refusal, never with anything else, and never with more than the archive holds.
/// </summary>
public sealed class TarFuzzTests
{
    private static readonly TarLimits _limits = new(Entries: 10_000, Bytes: 1 << 20, Header: 1 << 16);
    private static readonly byte[][] _seeds = [.. Corpus().Select(c => c.Content), .. HandMade()];

    private static readonly Gen<byte[]> _damaged =
        from seed in Gen.Int[0, _seeds.Length - 1]
        from changes in Gen.Select(Gen.Int[0, 1 << 20], Gen.Byte).List[0, 6]
        from cut in Gen.Int[0, 4]
        from repair in Gen.Bool
        select Damage(_seeds[seed], changes, cut, repair);

    public static TheoryData<string> CorpusNames => [.. Corpus().Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(CorpusNames))]
    public void CorpusFile_IsReadAsItsListingSays(string name)
    {
        var lines = List(Corpus().Single(c => c.Name == name).Content);
        Assert.Equal(Text(name + ".txt"), string.Join('\n', lines) + "\n");
    }

    [Fact]
    public void DamagedArchives_AreReadOrRefused()
        => _damaged.Sample(
            archive =>
            {
                var lines = List(archive);
                return lines.Count <= (archive.Length / 512) + 1;
            },
            iter: 20_000);

    [Fact]
    public void WholeArchives_AreReadAsTheyWereWritten()
    {
        var entry = Gen.Select(
            Gen.OneOf(Gen.Char['a', 'z'].Array[1, 300].Select(c => new string(c)), Gen.String.Where(IsName)),
            Gen.UInt[0, 0xFFF],
            Gen.Byte.Array[0, 2000],
            Gen.Long[-1L << 30, 1L << 33]);
        entry.List[0, 8].Sample(entries =>
        {
            var tar = new TarBuilder();
            entries.ForEach(e => tar.Add("x", '0', e.Item2, e.Item3, pax: [("path", System.Text.Encoding.UTF8.GetBytes(e.Item1)), ("mtime", System.Text.Encoding.ASCII.GetBytes($"{e.Item4}"))]));
            var reader = new TarReader(new MemoryStream(tar.ToArray()), _limits);
            foreach (var (name, mode, data, time) in entries)
            {
                var read = reader.Next()!;
                Assert.Equal((name, mode, time), (read.Name, read.Mode, read.Modified.Seconds));
                Assert.Equal(data, ReadAll(reader));
            }

            Assert.Null(reader.Next());
        });
    }

    private static bool IsName(string text)
        => text.Length is > 0 and < 200 && !text.Contains('\0', StringComparison.Ordinal) && !text.Any(char.IsSurrogate) && !text.EndsWith('/');

    private static List<string> List(byte[] archive)
    {
        var lines = new List<string>();
        try
        {
            var reader = new TarReader(new MemoryStream(archive), _limits);
            while (reader.Next() is { } e)
            {
                var xattrs = string.Concat(e.Xattrs.Select(x => $" {x.Name}={Convert.ToHexStringLower(x.Value)}"));
                lines.Add($"{e.Kind} {Convert.ToString(e.Mode, 8)} {e.Uid}:{e.Gid} {e.Size} {e.Modified.Seconds} {e.Name}{(e.Target.Length > 0 ? $" -> {e.Target}" : "")}{xattrs}");
                Assert.Equal(e.Size, ReadAll(reader).LongLength);
            }
        }
        catch (ImageException refusal)
        {
            lines.Add($"refused: {refusal.Message}");
        }

        return lines;
    }

    private static byte[] ReadAll(TarReader reader)
    {
        var data = new List<byte>();
        for (var part = reader.ReadData(); !part.IsEmpty; part = reader.ReadData())
        {
            data.AddRange(part);
        }

        return [.. data];
    }

    // Half of the damaged headers get a right checksum again, or nothing behind it would ever be reached.
    private static byte[] Damage(byte[] seed, List<(int At, byte Value)> changes, int cut, bool repair)
    {
        byte[] archive = [.. cut == 0 ? seed[..(seed.Length * 2 / 3)] : seed];
        foreach (var (at, value) in changes)
        {
            var place = at % archive.Length;
            archive[place] = value;
            var block = archive.AsSpan(place / 512 * 512);
            if (repair && block.Length >= 512)
            {
                block[148..156].Fill((byte)' ');
                var sum = 0;
                foreach (var b in block[..512])
                {
                    sum += b;
                }

                System.Text.Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0')).CopyTo(block[148..]);
                block[154] = 0;
            }
        }

        return archive;
    }

    private static byte[][] HandMade() =>
    [
        new TarBuilder().Directory("d").File("d/f", new string('x', 1500), 0x1A4, ("SCHILY.xattr.user.a", [0, 1, 255])).Symlink("s", new string('t', 200)).ToArray(),
        new TarBuilder().Header("././@LongLink", 'L', 0, 300).Data(new byte[300]).Device("n", '4', 8, 1).Fifo("p").HardLink("h", "n").ToArray(),
    ];

    private static IEnumerable<(string Name, byte[] Content)> Corpus()
        => Assembly.GetExecutingAssembly().GetManifestResourceNames().Where(n => n.StartsWith("corpus/", StringComparison.Ordinal) && n.EndsWith(".tar", StringComparison.Ordinal))
            .Select(n => (n["corpus/".Length..], Bytes(n)));

    private static string Text(string name) => System.Text.Encoding.UTF8.GetString(Bytes($"corpus/{name}"));

    private static byte[] Bytes(string resource)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
