using Crisp.Images.Tests.Builders;
using Xunit;

namespace Crisp.Images.Tests.Layers;

/// <summary>Layers over layers: what hides, what is inherited, and which layers can be shared.</summary>
public sealed class LayerCompletionTests : IDisposable
{
    private readonly TestStore _store = new();

    public LayerCompletionTests() => Root.Required();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task LayerWithAllItsParents_IsKeptByItsDiffId()
    {
        await _store.AddAsync(new TarBuilder().Directory("a").ToArray(), new TarBuilder().Directory("a", 0x1C0).File("a/x").ToArray());
        Assert.All(_store.Layers, name => Assert.StartsWith("diff-", name, StringComparison.Ordinal));
    }

    [Fact]
    public async Task LayerWithoutAParent_InheritsItAndIsKeptByItsChainId()
    {
        var upper = new TarBuilder().File("tmp/x").ToArray();
        var sticky = await _store.AddAsync(new TarBuilder { Owner = (7, 8) }.Directory("tmp", 0x3FF, ("SCHILY.xattr.user.a", [1])).ToArray(), upper);
        Assert.Equal($"Directory 1777 7:8 user.a=01 @{TarBuilder.Time}", TreeView.Of(sticky)["/tmp"]);
        Assert.Equal(1, _store.Layers.Count(name => name.StartsWith("chain-", StringComparison.Ordinal)));

        // The same layer above another one is another layer.
        var plain = await _store.AddAsync(Content.Of("test/image:2", new TarBuilder().Directory("tmp", 0x1C0).ToArray(), upper));
        Assert.StartsWith("Directory 700", TreeView.Of(plain)["/tmp"], StringComparison.Ordinal);
        Assert.Equal(2, _store.Layers.Count(name => name.StartsWith("chain-", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task ParentThatIsASymlinkBelow_IsFollowed()
    {
        var image = await _store.AddAsync(
            new TarBuilder().Directory("usr").Directory("usr/lib", 0x1E8).File("usr/lib/old").Symlink("lib", "usr/lib").ToArray(),
            new TarBuilder().File("lib/x").ToArray());
        var tree = TreeView.Of(image);
        Assert.StartsWith("Symlink", tree["/lib"], StringComparison.Ordinal);
        Assert.True(tree.Has("/usr/lib/x"));
        Assert.True(tree.Has("/usr/lib/old"));
        Assert.StartsWith("Directory 750", tree["/usr/lib"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task ParentThatIsAnAbsoluteSymlinkBelow_IsFollowedInside()
    {
        var outside = _store.Scratch;
        var image = await _store.AddAsync(new TarBuilder().Symlink("out", outside).ToArray(), new TarBuilder().File("out/x").ToArray());
        Assert.Empty(Directory.GetFileSystemEntries(outside));
        Assert.True(TreeView.Of(image).Has($"{outside}/x"));
    }

    [Fact]
    public async Task ExplicitDirectoryOverASymlinkBelow_ReplacesIt()
    {
        var image = await _store.AddAsync(
            new TarBuilder().Directory("usr").Directory("usr/lib").Symlink("lib", "usr/lib").ToArray(),
            new TarBuilder().Directory("lib").File("lib/x").ToArray());
        var tree = TreeView.Of(image);
        Assert.StartsWith("Directory", tree["/lib"], StringComparison.Ordinal);
        Assert.False(tree.Has("/usr/lib/x"));
    }

    [Fact]
    public async Task ParentThatNobodyHas_IsMadePlain()
    {
        var tree = TreeView.Of(await _store.AddAsync(new TarBuilder().File("a/b/c").ToArray()));
        Assert.StartsWith("Directory 755 0:0", tree["/a/b"], StringComparison.Ordinal);
        Assert.StartsWith("chain-", Assert.Single(_store.Layers), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ParentThatIsAFileBelow_IsRefused()
        => Assert.Contains(
            "no directory", await _store.RefusedAsync(new TarBuilder().File("a").ToArray(), new TarBuilder().File("a/x").ToArray()), StringComparison.Ordinal);

    [Fact]
    public async Task HardLinkToAFileBelow_IsALinkToItsCopy()
    {
        var image = await _store.AddAsync(
            new TarBuilder { Owner = (1, 2) }.Directory("bin").File("bin/a", "lower", 0x9ED).ToArray(),
            new TarBuilder().HardLink("b", "bin/a").HardLink("c", "b").ToArray());
        var tree = TreeView.Of(image);
        Assert.Contains("4755 1:2", tree["/b"], StringComparison.Ordinal);
        Assert.Contains("is /b", tree["/bin/a"] + tree["/c"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whiteouts_HideFilesAndTrees()
    {
        var lower = new TarBuilder().Directory("d").File("d/a").File("d/b").Directory("d/sub").File("d/sub/x").File("e").ToArray();
        var tree = TreeView.Of(await _store.AddAsync(lower, new TarBuilder().Directory("d").Whiteout("d/a").Whiteout("d/sub").Whiteout("e").Whiteout("nothing").ToArray()));
        Assert.Equal(["/", "/d", "/d/b"], tree.Lines.Keys);
    }

    [Fact]
    public async Task Whiteouts_WithoutTheirDirectoriesDoTheSame()
    {
        var lower = new TarBuilder().Directory("d", 0x1C9).File("d/a").File("d/b").Directory("d/sub").File("d/sub/x").ToArray();
        var tree = TreeView.Of(await _store.AddAsync(lower, new TarBuilder().Whiteout("d/a").Whiteout("d/sub").File("d/c").ToArray()));
        Assert.Equal(["/", "/d", "/d/b", "/d/c"], tree.Lines.Keys);
        Assert.StartsWith("Directory 711", tree["/d"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whiteout_SparesWhatItsOwnLayerHas(bool first)
    {
        var lower = new TarBuilder().Directory("d").File("d/old").Directory("d/sub").File("d/sub/old").ToArray();
        var upper = new TarBuilder().Directory("d");
        upper = first ? upper.Whiteout("d/sub") : upper;
        upper.Directory("d/sub").File("d/sub/new").File("d/old", "new content");
        upper = first ? upper : upper.Whiteout("d/sub").Whiteout("d/old");
        var tree = TreeView.Of(await _store.AddAsync(lower, upper.ToArray()));
        Assert.Equal(["/", "/d", "/d/old", "/d/sub", "/d/sub/new"], tree.Lines.Keys);
        Assert.StartsWith("Regular 644 0:0 11 ", tree["/d/old"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whiteout_SparesWhatItsOwnLayerHasInInheritedDirectories(bool first)
    {
        var lower = new TarBuilder().Directory("d").Directory("d/sub").File("d/sub/old").ToArray();
        var upper = new TarBuilder();
        upper = first ? upper.Whiteout("d/sub").File("d/sub/new") : upper.File("d/sub/new").Whiteout("d/sub");
        Assert.Equal(["/", "/d", "/d/sub", "/d/sub/new"], TreeView.Of(await _store.AddAsync(lower, upper.ToArray())).Lines.Keys);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task OpaqueDirectory_ShowsItsOwnLayerAlone(bool first, bool hasEntry)
    {
        var lower = new TarBuilder().Directory("d").File("d/old").Directory("d/sub").File("d/sub/old").ToArray();
        var upper = new TarBuilder();
        upper = hasEntry ? upper.Directory("d") : upper;
        upper = first ? upper.Opaque("d").File("d/new") : upper.File("d/new").Opaque("d");
        Assert.Equal(["/", "/d", "/d/new"], TreeView.Of(await _store.AddAsync(lower, upper.ToArray())).Lines.Keys);
    }

    [Fact]
    public async Task OpaqueRoot_HidesAllBeneath()
    {
        var image = await _store.AddAsync(
            new TarBuilder().File("old").ToArray(), new TarBuilder().File(".wh..wh..opq", "").File("new").ToArray(), new TarBuilder().File("newer").ToArray());
        Assert.Equal(["/", "/new", "/newer"], TreeView.Of(image).Lines.Keys);
    }

    [Fact]
    public async Task DirectoryThatReplacesAFileOfItsOwnLayer_ShowsNothingFromBelow()
    {
        var lower = new TarBuilder().Directory("d").File("d/old").ToArray();
        var tree = TreeView.Of(await _store.AddAsync(lower, new TarBuilder().File("d").Directory("d").File("d/new").ToArray()));
        Assert.Equal(["/", "/d", "/d/new"], tree.Lines.Keys);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task FileOverADirectoryBelow_ReplacesTheTree(bool completed)
    {
        var lower = new TarBuilder().Directory("d").Directory("d/sub").File("d/sub/old").Directory("e").ToArray();
        var upper = completed ? new TarBuilder().File("e/x") : new TarBuilder();
        var tree = TreeView.Of(await _store.AddAsync(lower, upper.File("d", "file").ToArray()));
        Assert.StartsWith("Regular", tree["/d"], StringComparison.Ordinal);
        Assert.False(tree.Has("/d/sub"));

        // And what comes back above it is new.
        var again = TreeView.Of(await _store.AddAsync(
            lower, upper.ToArray(), new TarBuilder().Directory("d").File("d/new").ToArray()));
        Assert.Contains("/d/new", again.Lines.Keys);
        Assert.DoesNotContain("/d/sub", again.Lines.Keys);
    }

    [Fact]
    public async Task DeviceThatIsAWhiteout_IsOne()
    {
        var lower = new TarBuilder().File("a").File("b").ToArray();
        Assert.Equal(["/", "/b"], TreeView.Of(await _store.AddAsync(lower, new TarBuilder().Device("a", '3', 0, 0).ToArray())).Lines.Keys);
    }

    [Fact]
    public async Task BookkeepingOfAufs_IsLeftOut()
    {
        var tar = new TarBuilder().File(".wh..wh.aufs", "").Directory(".wh..wh.plnk").File(".wh..wh.plnk/1.2").File("a").ToArray();
        Assert.Equal(["/", "/a"], TreeView.Of(await _store.AddAsync(tar)).Lines.Keys);
    }

    [Fact]
    public async Task WhiteoutOfAFileThatALinkBroughtUp_HidesIt()
    {
        var lower = new TarBuilder().Directory("d").File("d/old", "content").ToArray();
        var tree = TreeView.Of(await _store.AddAsync(lower, new TarBuilder().HardLink("d/new", "d/old").Whiteout("d/old").ToArray()));
        Assert.Equal(["/", "/d", "/d/new"], tree.Lines.Keys);
        Assert.Contains(" 7 ", tree["/d/new"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheSameLayerTwice_IsOneDirectoryInTheOverlay()
    {
        var (a, b) = (new TarBuilder().File("a", "1").ToArray(), new TarBuilder().File("a", "22").ToArray());
        var image = await _store.AddAsync(a, b, a);
        Assert.Equal(2, image.Layers.Count);
        Assert.StartsWith("Regular 644 0:0 1 ", TreeView.Of(image)["/a"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task LayersThatWaitForEachOther_ComeToAnEnd()
    {
        // Every layer above the first needs all beneath it, with fewer slots than layers.
        using var store = new TestStore(new ImageStoreOptions { Parallelism = 2 });
        var layers = new List<byte[]> { new TarBuilder().Directory("d", 0x1C9).ToArray() };
        layers.AddRange(Enumerable.Range(0, 20).Select(i => new TarBuilder().File($"d/{i}").ToArray()));
        var tree = TreeView.Of(await store.AddAsync([.. layers]));
        Assert.Equal(22, tree.Lines.Count);
        Assert.StartsWith("Directory 711", tree["/d"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task LowestLayer_HasNoWhiteouts()
    {
        var layer = new TarBuilder().Directory("d").File("d/a").Whiteout("d/gone").Whiteout("gone").Opaque("d").ToArray();
        var image = await _store.AddAsync(layer);
        Assert.Equal(["a"], Directory.GetFileSystemEntries(Path.Combine(image.Layers[0], "d")).Select(Path.GetFileName));

        // Above others it hides, and is another layer.
        var above = await _store.AddAsync(Content.Of("test/image:2", new TarBuilder().Directory("d").File("d/b").File("gone").ToArray(), layer));
        Assert.Equal(["/", "/d", "/d/a"], TreeView.Of(above).Lines.Keys);
    }
}
