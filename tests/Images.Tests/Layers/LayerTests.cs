using System.Text;
using Crisp.Images.Tests.Builders;
using Crisp.Linux;
using Xunit;

namespace Crisp.Images.Tests.Layers;

/// <summary>What comes out of the entries of one archive.</summary>
public sealed class LayerTests : IDisposable
{
    // VFS_CAP_REVISION_2, effective, cap_net_raw permitted (linux/capability.h); it holds bytes that are no text.
    private static readonly byte[] _capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    private readonly TestStore _store = new();

    public LayerTests() => Root.Required();

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(0x9ED, "4755")]
    [InlineData(0x5ED, "2755")]
    [InlineData(0x3FF, "1777")]
    [InlineData(0, "0")]
    public async Task Modes_AreKeptWithSetIdAndStickyBits(uint mode, string shown)
    {
        var tree = TreeView.Of(await _store.AddAsync(
            new TarBuilder { Owner = (1000, 2000) }.File("file", "x", mode).Directory("directory", mode).Fifo("fifo", mode).ToArray()));
        Assert.StartsWith($"Regular {shown} 1000:2000 ", tree["/file"], StringComparison.Ordinal);
        Assert.StartsWith($"Directory {shown} 1000:2000 ", tree["/directory"], StringComparison.Ordinal);
        Assert.StartsWith($"Fifo {shown} 1000:2000 ", tree["/fifo"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task FileCapabilities_SurviveOwnerAndMode()
    {
        var tree = TreeView.Of(await _store.AddAsync(new TarBuilder { Owner = (1000, 1000) }
            .File("ping", "x", 0x1ED, ("SCHILY.xattr.security.capability", _capability)).ToArray()));
        Assert.Contains($" security.capability={Convert.ToHexStringLower(_capability)} ", tree["/ping"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task UserXattrs_AreKept()
    {
        var tree = TreeView.Of(await _store.AddAsync(new TarBuilder()
            .Directory("d", 0x1ED, ("SCHILY.xattr.user.a", [0, 255])).File("d/f", "x", 0x1A4, ("SCHILY.xattr.user.b", "text"u8.ToArray())).ToArray()));
        Assert.Contains(" user.a=00ff ", tree["/d"], StringComparison.Ordinal);
        Assert.Contains(" user.b=74657874 ", tree["/d/f"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nodes_AreMadeWithTheirNumbers()
    {
        var tree = TreeView.Of(await _store.AddAsync(new TarBuilder().Device("null", '3', 1, 3, 0x1B6).Device("disk", '4', 8, 300, 0x1B0).ToArray()));
        Assert.Contains(" 1:3 ", tree["/null"], StringComparison.Ordinal);
        Assert.Contains(" 8:300 ", tree["/disk"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task HardLinks_ShareTheirInode()
    {
        var tree = TreeView.Of(await _store.AddAsync(new TarBuilder().File("a", "shared", 0x9ED).HardLink("b", "a").HardLink("c", "./b").ToArray()));
        Assert.Contains("4755 0:0 6 ", tree["/a"], StringComparison.Ordinal);
        Assert.Contains("is /a", tree["/b"], StringComparison.Ordinal);
        Assert.Contains("is /a", tree["/c"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Times_AreThoseOfTheArchiveWhateverComesLater()
    {
        var tree = TreeView.Of(await _store.AddAsync(new TarBuilder()
            .Directory("d").Add("old", '0', 0x1A4, [], time: 5)
            .Add("new", '0', 0x1A4, [], pax: ("mtime", "-1.5"u8.ToArray()))
            .File("d/x").Directory("d/e").File("other").File("d/y").Whiteout("d/gone").Symlink("s", "d").ToArray()));
        Assert.All(["/d", "/d/e", "/d/x", "/s"], path => Assert.EndsWith($"@{TarBuilder.Time}", tree[path], StringComparison.Ordinal));
        Assert.EndsWith("@5", tree["/old"], StringComparison.Ordinal);
        Assert.EndsWith("@-2", tree["/new"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task OfEntriesWithOneName_TheLastHolds()
    {
        var tree = TreeView.Of(await _store.AddAsync(new TarBuilder()
            .File("a", "first").File("a", "second one")
            .Directory("b").File("b/inside").File("b", "a file now")
            .File("c").Directory("c").File("c/inside")
            .Directory("d", 0x1C0).File("d/kept").Directory("d", 0x1ED)
            .Symlink("e", "a").Symlink("e", "b").ToArray()));
        Assert.StartsWith("Regular 644 0:0 10 ", tree["/a"], StringComparison.Ordinal);
        Assert.StartsWith("Regular", tree["/b"], StringComparison.Ordinal);
        Assert.False(tree.Has("/b/inside"));
        Assert.True(tree.Has("/c/inside"));
        Assert.True(tree.Has("/d/kept"));
        Assert.StartsWith("Directory 755", tree["/d"], StringComparison.Ordinal);
        Assert.Contains("-> b", tree["/e"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReplacedHardLink_LeavesTheOtherNameItsContent()
    {
        var tree = TreeView.Of(await _store.AddAsync(new TarBuilder().File("a", "old").HardLink("b", "a").File("a", "new one").ToArray()));
        Assert.StartsWith("Regular 644 0:0 3 ", tree["/b"], StringComparison.Ordinal);
        Assert.StartsWith("Regular 644 0:0 7 ", tree["/a"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task HardLinkToItself_ChangesNothing()
        => Assert.StartsWith(
            "Regular", TreeView.Of(await _store.AddAsync(new TarBuilder().File("a").HardLink("a", "./a").HardLink("b", "a").HardLink("a", "b").ToArray()))["/a"], StringComparison.Ordinal);

    [Fact]
    public async Task NamesThatAreNoText_SurviveAsBytes()
    {
        var tar = new TarBuilder().Add("x", '0', 0x1A4, [], pax: ("path", [(byte)'n', 0xFF, 0xFE])).ToArray();
        var image = await _store.AddAsync(tar);
        using var directory = Files.Open(image.Layers[0], OpenFlags.Directory);
        Assert.Equal([(byte)'n', 0xFF, 0xFE], LinuxPath.Encode(Assert.Single(Files.ReadDirectory(directory))));
    }

    [Fact]
    public async Task RootEntry_IsTheImagesRoot()
    {
        var image = await _store.AddAsync(new TarBuilder { Owner = (5, 6) }.Directory("./", 0x3ED).ToArray(), new TarBuilder().File("a").ToArray());
        Assert.Equal(new RootDirectory(0x3ED, 5, 6), image.Root);
        Assert.Equal(RootDirectory.Default, (await _store.AddAsync(new TarBuilder().File("a").ToArray())).Root);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("plain")]
    [InlineData("gzip in two members")]
    [InlineData("zstd after a skippable frame")]
    public async Task EveryCompression_IsFoundByItsContent(string compression)
    {
        var tar = new TarBuilder().File("a", new string('x', 200_000)).ToArray();
        var packed = compression switch
        {
            "gzip" => Content.Gzip(tar),
            "zstd" => Content.Zstd(tar),
            "plain" => tar,
            "gzip in two members" => [.. Content.Gzip(tar[..1000]), .. Content.Gzip(tar[1000..])],
            _ => [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3, .. Content.Zstd(tar)],
        };
        var image = await _store.AddAsync(Content.Of(tar) with { Layers = [Content.Layer(packed, Digest.Of(tar))] });
        Assert.StartsWith("Regular 644 0:0 200000 ", TreeView.Of(image)["/a"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task OtherCompression_IsRefusedByName()
    {
        byte[] xz = [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, 1, 2];
        var tar = new TarBuilder().File("a").ToArray();
        Assert.Contains("xz", await _store.RefusedAsync(Content.Of(tar) with { Layers = [Content.Layer(xz, Digest.Of(tar))] }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ArchiveWithoutEndMarker_IsTaken()
        => Assert.True(TreeView.Of(await _store.AddAsync(new TarBuilder().File("a").ToArrayWithoutEnd())).Has("/a"));

    [Fact]
    public async Task GnuLongNames_AreRead()
    {
        var (name, target) = (new string('n', 200), new string('t', 300));
        var tar = new TarBuilder()
            .Header("././@LongLink", 'L', 0, 201).Data([.. Encoding.ASCII.GetBytes(name), 0])
            .Header("././@LongLink", 'K', 0, 301).Data([.. Encoding.ASCII.GetBytes(target), 0])
            .Header("short", '2', 0x1FF, 0, target: "short").ToArray();
        Assert.Contains($"-> {target}", TreeView.Of(await _store.AddAsync(tar))[$"/{name}"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task GlobalHeaders_ChangeNothing()
    {
        var record = TarBuilder.Record("path", "elsewhere"u8.ToArray());
        var tar = new TarBuilder().Header("global", 'g', 0x1A4, record.Length).Data(record).File("a").ToArray();
        Assert.True(TreeView.Of(await _store.AddAsync(tar)).Has("/a"));
    }

    [Fact]
    public async Task EmptyArchive_IsAnEmptyLayer()
    {
        var image = await _store.AddAsync(new TarBuilder().ToArray());
        Assert.Equal(["/"], TreeView.Of(image).Lines.Keys);
    }
}
