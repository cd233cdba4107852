using Crisp.Images.Tests.Builders;
using Xunit;

namespace Crisp.Images.Tests.Import;

public sealed class ImageImportTests : IDisposable
{
    private static readonly byte[] _layer = new TarBuilder().Directory("d").File("d/a").ToArray();
    private static readonly byte[] _other = new TarBuilder().File("other").ToArray();
    private readonly TemporaryDirectory _directory = new();
    private readonly TestStore _store = new();

    public ImageImportTests() => Root.Required();

    public void Dispose()
    {
        _store.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task Layout_AsDirectoryAndAsArchive(string? archive)
    {
        var layout = Layout();
        var descriptor = layout.Image(_layer);
        layout.Add(descriptor, "localhost/app:1");
        var path = archive is null ? layout.Path : layout.Archive(_directory.File("a.tar"));
        if (archive?.Length > 0)
        {
            Tool.Required(archive);
            Tool.Run(archive, "-q", path, "-k");
            path = Directory.GetFiles(_directory.Path, "a.tar?*").Single(f => !f.EndsWith(".tar", StringComparison.Ordinal));
        }

        var image = Assert.Single(await ImportAsync(path));
        Assert.Equal(["localhost/app:1"], image.RepoTags);
        Assert.Equal([$"localhost/app@{descriptor["digest"]}"], image.RepoDigests);
        Assert.Equal($"{descriptor["digest"]}", image.ManifestDigest);
        Assert.Equal("value", image.Annotations["org.example.key"]);
        Assert.True(TreeView.Of(image).Has("/d/a"));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_store.Path, "work")));
    }

    [Theory]
    [InlineData("docker.io/library/busybox:1", "org.opencontainers.image.ref.name", "docker.io/library/busybox:1")]
    [InlineData("quay.io/a/b:2", "io.containerd.image.name", "quay.io/a/b:2")]
    [InlineData("busybox:1", "org.opencontainers.image.ref.name", "docker.io/library/busybox:1")]
    [InlineData("latest", "org.opencontainers.image.ref.name", null)]
    [InlineData("v1.0", "org.opencontainers.image.ref.name", null)]
    public async Task Names_ComeFromAnnotations(string annotation, string key, string? name)
    {
        var layout = Layout();
        layout.Add(layout.Image(_layer), annotation, key);
        Assert.Equal(name is null ? [] : [name], Assert.Single(await ImportAsync(layout.Path)).RepoTags);
    }

    [Fact]
    public async Task GivenName_OverridesTheArchives()
    {
        var layout = Layout();
        var descriptor = layout.Image(_layer);
        layout.Add(descriptor, "localhost/app:1");
        var image = Assert.Single(await ImportAsync(layout.Path, "example.com/mine"));
        Assert.Equal(["example.com/mine:latest"], image.RepoTags);
        Assert.Equal([$"example.com/mine@{descriptor["digest"]}"], image.RepoDigests);
        Assert.Null(_store.Store.Find("localhost/app:1"));
    }

    [Fact]
    public async Task GivenDigest_MustBeTheImages()
    {
        var layout = Layout();
        var descriptor = layout.Image(_layer);
        layout.Add(descriptor, "localhost/app:1");
        Assert.Empty((await ImportAsync(layout.Path, $"localhost/app@{descriptor["digest"]}"))[0].RepoTags);
        await RefusedAsync(layout.Path, ImageError.Invalid, $"localhost/app@{Digest.Of([])}");
    }

    [Fact]
    public async Task Index_GivesTheImageOfThisNode()
    {
        var layout = Layout();
        var index = layout.Index(
            ("arm64", layout.Image("arm64", _other)), ("unknown", layout.Blob(LayoutBuilder.ManifestType, "attestation"u8.ToArray())), ("amd64", layout.Image(_layer)));
        layout.Add(index, "localhost/app:1");
        var image = Assert.Single(await ImportAsync(layout.Path));
        Assert.True(TreeView.Of(image).Has("/d/a"));
        Assert.Equal([$"localhost/app@{index["digest"]}"], image.RepoDigests);
        Assert.NotEqual($"{index["digest"]}", image.ManifestDigest);
    }

    [Fact]
    public async Task PlatformsBesideEachOther_AreOneImage()
    {
        var layout = Layout();
        layout.Add(LayoutBuilder.WithPlatform("arm64", layout.Image("arm64", _other)), "localhost/app:1")
            .Add(LayoutBuilder.WithPlatform("amd64", layout.Image(_layer)), "localhost/app:1");
        Assert.True(TreeView.Of(Assert.Single(await ImportAsync(layout.Path))).Has("/d/a"));
    }

    [Fact]
    public async Task ImageForAnotherPlatform_IsRefusedByName()
    {
        var layout = Layout();
        layout.Add(layout.Index(("arm64", layout.Image("arm64", _layer)), ("s390x", layout.Image("s390x", _layer))), "localhost/app:1");
        Assert.Contains("linux/arm64, linux/s390x", await RefusedAsync(layout.Path, ImageError.Unsupported), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SeveralImages_AllComeUnlessOneNameIsGiven()
    {
        var layout = Layout();
        layout.Add(layout.Image(_layer), "localhost/a:1").Add(layout.Image(_layer, _other), "localhost/b:1");
        Assert.Contains("2 images", await RefusedAsync(layout.Path, ImageError.Invalid, "localhost/c:1"), StringComparison.Ordinal);
        Assert.Equal(["localhost/a:1", "localhost/b:1"], (await ImportAsync(layout.Path)).SelectMany(i => i.RepoTags));
    }

    [Fact]
    public async Task IndexThatIsTooDeep_IsRefused()
    {
        var layout = Layout();
        var descriptor = layout.Image(_layer);
        for (var i = 0; i < 6; i++)
        {
            descriptor = layout.Index(("amd64", descriptor));
        }

        layout.Add(descriptor, "localhost/app:1");
        Assert.Contains("deep", await RefusedAsync(layout.Path, ImageError.BadContent), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManifestThatIsAnIndexToo_IsRefused()
    {
        var layout = Layout();
        var both = "{\"schemaVersion\":2,\"manifests\":[],\"config\":{},\"layers\":[]}"u8.ToArray();
        layout.Add(layout.Blob(LayoutBuilder.ManifestType, both), "localhost/app:1");
        Assert.Contains("index and manifest at once", await RefusedAsync(layout.Path, ImageError.BadContent), StringComparison.Ordinal);
    }

    [Fact]
    public async Task BlobWithOtherContent_IsRefused()
    {
        var layout = Layout();
        var descriptor = layout.Image(_layer);
        layout.Add(descriptor, "localhost/app:1");
        var manifest = Path.Combine(layout.Path, "blobs", "sha256", $"{descriptor["digest"]}"["sha256:".Length..]);
        await File.WriteAllTextAsync(manifest, (await File.ReadAllTextAsync(manifest)).Replace("value", "other", StringComparison.Ordinal));
        Assert.Contains("other content", await RefusedAsync(layout.Path, ImageError.BadContent), StringComparison.Ordinal);
    }

    [Fact]
    public async Task BlobThatIsALinkOutOfTheLayout_IsNotFollowed()
    {
        var layout = Layout();
        layout.Add(layout.Image(_layer), "localhost/app:1");
        var index = Path.Combine(layout.Path, "index.json");
        File.Move(index, _directory.File("index.json"));
        File.CreateSymbolicLink(index, _directory.File("index.json"));
        await RefusedAsync(layout.Path, ImageError.BadContent);
    }

    [Fact]
    public async Task HugeDocuments_AreRefusedUnread()
    {
        var layout = Layout();
        layout.Add(layout.Image(_layer), "localhost/app:1");
        await using (var index = File.OpenWrite(Path.Combine(layout.Path, "index.json")))
        {
            index.SetLength(1L << 40);
        }

        Assert.Contains("1099511627776 bytes", await RefusedAsync(layout.Path, ImageError.BadContent), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsNoImage_IsRefused()
    {
        await File.WriteAllTextAsync(_directory.File("text"), new string('x', 2000));
        await RefusedAsync(_directory.File("text"), ImageError.BadContent);
        await RefusedAsync(_directory.MakeDirectory("empty"), ImageError.BadContent);
        await RefusedAsync("/dev/null", ImageError.Invalid);
        await RefusedAsync("relative", ImageError.Invalid);
        Tool.Run("mkfifo", _directory.File("fifo"));
        await RefusedAsync(_directory.File("fifo"), ImageError.Invalid);
        await Assert.ThrowsAsync<Linux.LinuxException>(() => ImportAsync(_directory.File("missing")));
    }

    [Fact]
    public async Task Progress_ComesToTheEndOfEveryLayer()
    {
        var layout = Layout();
        layout.Add(layout.Image(_layer, _other), "localhost/app:1");
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<string, ImportProgress>();
        await ImageImport.RunAsync(_store.Store, layout.Path, null, new Progress(seen), CancellationToken.None);
        Assert.Equal(2, seen.Count);
        Assert.All(seen.Values, p => Assert.Equal(p.Total, p.Done));
    }

    private LayoutBuilder Layout() => new(_directory.File("layout"));

    private Task<IReadOnlyList<ImageRecord>> ImportAsync(string path, string? name = null)
        => ImageImport.RunAsync(_store.Store, path, name, null, CancellationToken.None);

    private async Task<string> RefusedAsync(string path, ImageError kind, string? name = null)
    {
        var error = await Assert.ThrowsAsync<ImageException>(() => ImportAsync(path, name));
        Assert.Equal(kind, error.Kind);
        return error.Message;
    }

    private sealed class Progress(System.Collections.Concurrent.ConcurrentDictionary<string, ImportProgress> seen) : IProgress<ImportProgress>
    {
        public void Report(ImportProgress value) => seen[value.Subject] = value;
    }
}
