using Crisp.Images.Tests.Builders;
using Xunit;

namespace Crisp.Images.Tests.Store;

public sealed class ImageStoreTests : IDisposable
{
    private static readonly byte[] _a = new TarBuilder().Directory("d").File("d/a").ToArray();
    private static readonly byte[] _b = new TarBuilder().Directory("d").File("d/b").ToArray();
    private readonly TestStore _store = new();

    public ImageStoreTests() => Root.Required();

    private ImageStore Store => _store.Store;

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Find_TakesEveryFormOfReference()
    {
        var manifest = Digest.Of("manifest"u8);
        var image = await _store.AddAsync(Content.Of("localhost:5000/a/b:1", _a) with { RepoDigests = [$"localhost:5000/a/b@{manifest}"] });
        var hex = image.Id[Digest.Algorithm.Length..];
        foreach (var form in (string[])[image.Id, hex, hex[..12], $"sha256:{hex[..7]}", "localhost:5000/a/b:1", $"localhost:5000/a/b@{manifest}", $"localhost:5000/a/b:other@{manifest}"])
        {
            Assert.Equal(image.Id, Store.Find(form)?.Id);
        }

        foreach (var form in (string[])["localhost:5000/a/b", "localhost:5000/a/b:2", "a/b:1", $"a/b@{manifest}", manifest.ToString(), "", "not//valid", new string('0', 64)])
        {
            Assert.Null(Store.Find(form));
        }
    }

    [Fact]
    public async Task Find_CompletesNamesAsDockerDoes()
    {
        var image = await _store.AddAsync(Content.Of("busybox", _a));
        Assert.Equal(["docker.io/library/busybox:latest"], image.RepoTags);
        Assert.All(["busybox", "busybox:latest", "docker.io/busybox", "library/busybox"], form => Assert.Equal(image.Id, Store.Find(form)?.Id));
    }

    [Fact]
    public async Task Find_OfABeginningThatFitsTwo_SaysSo()
    {
        for (var i = 0; i < 20; i++)
        {
            await _store.AddAsync(Content.Of($"test/image:{i}", _a));
        }

        var twice = Store.Images.GroupBy(i => i.Id[7]).First(g => g.Count() > 1).Key;
        Assert.Equal(ImageError.Invalid, Assert.Throws<ImageException>(() => Store.Find($"{twice}")).Kind);
    }

    [Fact]
    public async Task Add_OfTheSameImage_AddsItsNames()
    {
        var first = await _store.AddAsync(Content.Of("test/image:1", _a));
        var second = await _store.AddAsync(Content.Of("test/image:1", _a) with { RepoTags = ["docker.io/test/other:2"] });
        Assert.Equal(first.Id, second.Id);
        Assert.Equal(["docker.io/test/image:1", "docker.io/test/other:2"], Assert.Single(Store.Images).RepoTags);
    }

    [Fact]
    public async Task Add_OfAnotherImageWithTheName_TakesTheName()
    {
        var old = await _store.AddAsync(Content.Of("test/image:1", _a));
        var young = await _store.AddAsync(Content.Of("test/image:1", _b));
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(young.Id, Store.Find("test/image:1")?.Id);
            Assert.Empty(Store.Find(old.Id)!.RepoTags);
            _store.Reopen();
        }
    }

    [Fact]
    public async Task Reopen_ShowsTheSameImages()
    {
        var image = await _store.AddAsync(Content.Of(_a, _b) with { RepoDigests = [$"docker.io/test/image@{Digest.Of("m"u8)}"] });
        _store.Reopen();
        Assert.Empty(Store.Damaged);
        Assert.Equivalent(image, Assert.Single(Store.Images), strict: true);
        Assert.Equal(image.Config.Labels, Store.Images[0].Config.Labels);
    }

    [Fact]
    public async Task Remove_TakesAllNamesAndWhatNobodyElseUses()
    {
        var both = await _store.AddAsync(Content.Of("test/image:1", _a, _b) with { RepoTags = ["docker.io/test/image:1", "quay.io/x/y:2"] });
        await _store.AddAsync(Content.Of("test/image:3", _a));
        Assert.True(Store.Remove("quay.io/x/y:2"));
        Assert.Null(Store.Find("test/image:1"));
        Assert.Null(Store.Find(both.Id));
        Assert.Equal([$"diff-{Digest.Of(_a).Hex}"], _store.Layers);
        Assert.Single(Directory.GetFiles(Path.Combine(_store.Path, "blobs")));
        Assert.False(Store.Remove("quay.io/x/y:2"));
        _store.Reopen();
        Assert.Single(Store.Images);
    }

    [Fact]
    public async Task Remove_LeavesLayersThatAContainerUses()
    {
        var image = await _store.AddAsync(_a, _b);
        Store.LayersInUse = () => [image.Layers[0]];
        Assert.True(Store.Remove(image.Id));
        Assert.Equal([$"diff-{Digest.Of(_b).Hex}"], _store.Layers);

        // A daemon that starts knows its containers only later.
        _store.Reopen();
        Assert.Equal([$"diff-{Digest.Of(_b).Hex}"], _store.Layers);
        Store.LayersInUse = () => [];
        Store.Collect();
        Assert.Empty(_store.Layers);
    }

    [Fact]
    public async Task Remove_LeavesLayersThatALeaseHolds()
    {
        var image = await _store.AddAsync(_a);
        using (var lease = Store.Acquire(image.Id))
        {
            Assert.Equal(image.Id, lease!.Image.Id);
            Store.Remove(image.Id);
            Assert.Null(Store.Acquire(image.Id));
            Assert.True(File.Exists(Path.Combine(image.Layers[0], "d", "a")));
        }

        Store.Collect();
        Assert.Empty(_store.Layers);
    }

    [Fact]
    public async Task FailedImage_LeavesItsGoodLayersForTheNextTryAndNoMore()
    {
        var content = Content.Of(_a, _b);
        var bad = content with { Layers = [content.Layers[0], content.Layers[1] with { Size = 1 }] };
        await _store.RefusedAsync(bad);
        Assert.Empty(Store.Images);
        var opened = 0;
        var good = content with
        {
            Layers = [.. content.Layers.Select(l => l with
            {
                OpenAsync = token =>
                {
                    Interlocked.Increment(ref opened);
                    return l.OpenAsync(token);
                },
            })],
        };
        var before = _store.Layers.Length;
        await _store.AddAsync(good);
        Assert.Equal(2 - before, opened);
        Store.Remove("test/image:1");
        Assert.Empty(_store.Layers);
    }

    [Fact]
    public async Task Usage_CountsWhatTheDiskHas()
    {
        var empty = Store.MeasureUsage();
        var layer = new TarBuilder().File("big", new string('x', 1 << 20)).HardLink("again", "big").Directory("d").Symlink("s", "big").ToArray();
        var image = await _store.AddAsync(layer);
        var usage = Store.MeasureUsage();

        // du(1) is asked what it really is.
        Assert.Equal(Du("-B1"), usage.Bytes);
        Assert.Equal(Du("--inodes"), usage.Inodes);
        Assert.InRange(image.Size, 1 << 20, usage.Bytes);
        Store.Remove(image.Id);
        Assert.Equal(empty.Inodes, Store.MeasureUsage().Inodes);
    }

    [Fact]
    public void SecondStoreOnTheSamePath_IsRefused()
        => Assert.Equal(ImageError.Store, Assert.Throws<ImageException>(() => ImageStore.Open(_store.Path)).Kind);

    [Fact]
    public async Task Directories_AreForTheOwnerAlone()
    {
        await _store.AddAsync(_a);
        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.All(
            Directory.GetDirectories(_store.Path).Append(_store.Path).Concat(Directory.GetDirectories(Path.Combine(_store.Path, "layers"))),
            directory => Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(directory) & Others));
    }

    [Fact]
    public async Task ImageOfAnotherArchitecture_IsRefused()
    {
        var content = Content.Of(_a) with { Config = Content.Config("x", [_a], "arm64") };
        Assert.Contains("linux/arm64", await _store.RefusedAsync(content), StringComparison.Ordinal);
    }

    [Fact]
    public async Task LayersThatAreNotTheConfigs_AreRefused()
        => await _store.RefusedAsync(Content.Of(_a, _b) with { Layers = [Content.Layer(_a)] });

    private long Du(string what) => long.Parse(Tool.Run("du", "-s", what, "--", _store.Path).Split('\t')[0]);
}
