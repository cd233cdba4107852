using Crisp.Images.Archives;
using Crisp.Images.Tests.Builders;
using Xunit;

namespace Crisp.Images.Tests.Layers;

/// <summary>Archives that try to leave the layer, to lie, or to take more than there is.</summary>
public sealed class HostileLayerTests : IDisposable
{
    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData("../escape")]
    [InlineData("a/../../escape")]
    [InlineData("/../escape")]
    [InlineData("./..")]
    public async Task NameThatClimbsOut_IsRefused(string name)
        => Assert.Contains("leads out of it", await _store.RefusedAsync(new TarBuilder().File(name).ToArray()), StringComparison.Ordinal);

    [Fact]
    public async Task AbsoluteName_LandsInside()
    {
        Root.Required();
        var image = await _store.AddAsync(new TarBuilder().Directory("/etc").File("/etc/crisp-escape").ToArray());
        Assert.True(TreeView.Of(image).Has("/etc/crisp-escape"));
        Assert.False(File.Exists("/etc/crisp-escape"));
    }

    [Theory]
    [InlineData("link/file")]
    [InlineData("link/deep/file")]
    public async Task FileBehindASymlink_LandsInside(string name)
    {
        Root.Required();
        var outside = _store.Scratch;
        await _store.AddAsync(new TarBuilder().Symlink("link", outside).File(name).ToArray());
        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Fact]
    public async Task FileBehindARelativeSymlink_LandsInside()
    {
        Root.Required();
        var outside = _store.Scratch;
        var up = string.Concat(Enumerable.Repeat("../", 30));
        await _store.RefusedAsync(new TarBuilder().Symlink("link", up + outside).File("link/file").ToArray());
        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Fact]
    public async Task FileInPlaceOfASymlink_ReplacesItAndLeavesItsTargetAlone()
    {
        Root.Required();
        var precious = Path.Combine(_store.Scratch, "precious");
        await File.WriteAllTextAsync(precious, "precious");
        File.SetUnixFileMode(precious, UnixFileMode.UserRead);
        var image = await _store.AddAsync(new TarBuilder().Symlink("file", precious).File("file", "new", 0x1FF).ToArray());
        Assert.StartsWith("Regular 777", TreeView.Of(image)["/file"], StringComparison.Ordinal);
        Assert.Equal("precious", await File.ReadAllTextAsync(precious));
        Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(precious));
    }

    [Fact]
    public async Task DirectoryInPlaceOfASymlink_ReplacesItAndLeavesItsTargetAlone()
    {
        Root.Required();
        var outside = _store.Scratch;
        var before = File.GetUnixFileMode(outside);
        var image = await _store.AddAsync(new TarBuilder().Symlink("dir", outside).Directory("dir", 0x3FF).File("dir/file").ToArray());
        Assert.True(TreeView.Of(image).Has("/dir/file"));
        Assert.Equal(before, File.GetUnixFileMode(outside));
        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("etc/passwd")]
    public async Task HardLinkToAFileOfTheNode_IsRefused(string target)
        => Assert.Contains("does not exist", await _store.RefusedAsync(new TarBuilder().HardLink("stolen", target).ToArray()), StringComparison.Ordinal);

    [Fact]
    public async Task HardLinkThatClimbsOut_IsRefused()
        => Assert.Contains(
            "leads out of it", await _store.RefusedAsync(new TarBuilder().HardLink("stolen", "../../../../etc/passwd").ToArray()), StringComparison.Ordinal);

    [Fact]
    public async Task HardLinkThroughASymlink_StaysInside()
    {
        Root.Required();
        var secret = Path.Combine(_store.Scratch, "secret");
        await File.WriteAllTextAsync(secret, "secret");
        var refusal = await _store.RefusedAsync(new TarBuilder().Symlink("out", _store.Scratch).HardLink("stolen", "out/secret").ToArray());
        Assert.Contains("does not exist", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HardLinkToASymlink_IsTheSymlinkAndTouchesNotItsTarget()
    {
        Root.Required();
        var precious = Path.Combine(_store.Scratch, "precious");
        await File.WriteAllTextAsync(precious, "precious");
        var image = await _store.AddAsync(
            new TarBuilder().Symlink("link", precious).HardLink("again", "link").File("again", "overwritten", 0x1FF).ToArray());
        Assert.Equal("precious", await File.ReadAllTextAsync(precious));
        Assert.StartsWith("Symlink", TreeView.Of(image)["/link"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task HardLinkToADirectory_IsRefused()
        => Assert.Contains("directory", await _store.RefusedAsync(new TarBuilder().Directory("d").HardLink("l", "d").ToArray()), StringComparison.Ordinal);

    [Theory]
    [InlineData(".wh.")]
    [InlineData(".wh..")]
    [InlineData(".wh...")]
    [InlineData("d/.wh...")]
    public async Task WhiteoutOfNothing_IsRefused(string name)
        => Assert.Contains("names no file", await _store.RefusedAsync(new TarBuilder().Directory("d").File(name, "").ToArray()), StringComparison.Ordinal);

    [Fact]
    public async Task FileBeneathAWhiteout_IsRefused()
        => Assert.Contains("beneath a whiteout", await _store.RefusedAsync(new TarBuilder().File(".wh.a/b").ToArray()), StringComparison.Ordinal);

    [Fact]
    public async Task SymlinkThatNeverEnds_IsRefused()
    {
        Root.Required();
        await _store.RefusedAsync(new TarBuilder().Symlink("a", "b").Symlink("b", "a").File("a/file").ToArray());
    }

    [Theory]
    [InlineData(300)]
    [InlineData(5000)]
    public async Task NameThatIsTooLong_IsRefused(int length)
        => await _store.RefusedAsync(new TarBuilder().File(new string('n', length)).ToArray());

    [Fact]
    public async Task PaxHeaderThatIsTooLarge_IsRefusedUnread()
    {
        var tar = new TarBuilder().Header("pax", 'x', 0x1A4, 1L << 40).ToArray();
        Assert.Contains("header of", await _store.RefusedAsync(tar), StringComparison.Ordinal);
    }

    [Fact]
    public async Task MoreEntriesThanTheLimit_AreRefused()
    {
        using var store = TestStore.WithLimits(new TarLimits(Entries: 5, Bytes: 1 << 20, Header: 1 << 20));
        var tar = new TarBuilder();
        for (var i = 0; i < 6; i++)
        {
            tar.File($"{i}");
        }

        Assert.Contains("more than 5 entries", await store.RefusedAsync(tar.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ArchiveThatGrowsBeyondTheLimit_IsRefused()
    {
        using var store = TestStore.WithLimits(new TarLimits(Entries: 5, Bytes: 1 << 20, Header: 1 << 20));
        byte[] bomb = [.. new TarBuilder().File("a").ToArray(), .. new byte[2 << 20]];
        Assert.Contains("more than the 1048576 bytes", await store.RefusedAsync(bomb), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SparseFile_IsRefused()
    {
        var old = new TarBuilder().Header("sparse", 'S', 0x1A4, 0).ToArray();
        Assert.Contains("sparse", await _store.RefusedAsync(old), StringComparison.Ordinal);
        var pax = new TarBuilder().File("sparse", "", 0x1A4, ("GNU.sparse.major", "1"u8.ToArray())).ToArray();
        Assert.Contains("sparse", await _store.RefusedAsync(pax), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ArchiveThatEndsWithinAFile_IsRefused()
    {
        var whole = new TarBuilder().File("a", new string('x', 5000)).ToArrayWithoutEnd();
        Assert.Contains("truncated", await _store.RefusedAsync(whole[..3000]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ContentOfAnotherDigest_IsRefused()
    {
        var (good, other) = (new TarBuilder().File("a").ToArray(), new TarBuilder().File("b").ToArray());
        var content = Content.Of(good);
        var swapped = content with { Layers = [content.Layers[0] with { OpenAsync = Content.Layer(other).OpenAsync, Size = Content.Layer(other).Size }] };
        Assert.Contains("has the digest", await _store.RefusedAsync(swapped), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ContentOfAnotherDiffId_IsRefused()
    {
        var (good, other) = (new TarBuilder().File("a").ToArray(), new TarBuilder().File("b").ToArray());
        var content = Content.Of(good) with { Layers = [Content.Layer(Content.Gzip(other), Digest.Of(good))] };
        Assert.Contains("the image's config says", await _store.RefusedAsync(content), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task ContentOfAnotherSize_IsRefused(int difference)
    {
        var content = Content.Of(new TarBuilder().File("a").ToArray());
        await _store.RefusedAsync(content with { Layers = [content.Layers[0] with { Size = content.Layers[0].Size + difference }] });
    }

    [Fact]
    public async Task DamagedCompression_IsRefused()
    {
        var tar = new TarBuilder().File("a", new string('x', 100_000)).ToArray();
        foreach (var packed in (byte[][])[Content.Gzip(tar), Content.Zstd(tar)])
        {
            packed[packed.Length / 2] ^= 0xFF;
            await _store.RefusedAsync(Content.Of(tar) with { Layers = [Content.Layer(packed, Digest.Of(tar))] });
            var half = packed[..(packed.Length / 2)];
            await _store.RefusedAsync(Content.Of(tar) with { Layers = [Content.Layer(half, Digest.Of(tar))] });
        }
    }

    [Fact]
    public async Task XattrsThatDriveTheKernel_AreLeftOut()
    {
        Root.Required();
        var image = await _store.AddAsync(new TarBuilder()
            .Directory("d", 0x1ED, ("SCHILY.xattr.trusted.overlay.redirect", "/etc"u8.ToArray()), ("SCHILY.xattr.trusted.overlay.opaque", "y"u8.ToArray()))
            .File("f", "", 0x1A4, ("SCHILY.xattr.trusted.overlay.metacopy", []), ("SCHILY.xattr.security.ima", "x"u8.ToArray()))
            .ToArray());
        using var directory = Linux.Files.Open(Path.Combine(image.Layers[0], "d"), Linux.OpenFlags.Directory);
        using var file = Linux.Files.Open(Path.Combine(image.Layers[0], "f"), Linux.OpenFlags.ReadOnly);
        Assert.Empty(Linux.Files.ListXattrs(directory));
        Assert.Empty(Linux.Files.ListXattrs(file));
    }

    [Fact]
    public async Task DirectoriesDeeperThanAnyPath_ComeAndGo()
    {
        Root.Required();
        var step = string.Join('/', Enumerable.Repeat("d", 1000));
        var tar = new TarBuilder();
        var at = "";
        // Each link leads a thousand directories further down.
        for (var i = 0; i < 4; i++)
        {
            tar.Directory(at + step);
            tar.Symlink($"l{i}", at + step);
            at = $"l{i}/";
        }

        var image = await _store.AddAsync(tar.File($"{at}file").ToArray());
        Assert.True(_store.Store.MeasureUsage().Inodes > 4000);
        _store.Store.Remove(image.Id);
        Assert.Empty(_store.Layers);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_store.Path, "work")));
    }
}
