using System.Text;
using Crisp.Images.Tests.Builders;
using Crisp.Images.Tests.Registry;
using Xunit;

namespace Crisp.Images.Tests.Pull;

public sealed class ImagePullTests
{
    private static readonly byte[] _base = new TarBuilder().Directory("etc").File("etc/name", "base").ToArray();
    private static readonly byte[] _top = new TarBuilder().File("etc/name", "top").ToArray();

    [Fact]
    public async Task Image_ComesWithItsNamesAndLayers()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_base, _top).On(fixture.Registry);
        var image = await fixture.PullAsync();
        Assert.Equal(served.Id, image.Id);
        Assert.Equal([fixture.Reference()], image.RepoTags);
        Assert.Equal([$"{fixture.Registry.Name}/app@{served.ManifestDigest}"], image.RepoDigests);
        Assert.Equal(served.ManifestDigest.ToString(), image.ManifestDigest);
        Assert.Equal("top", await File.ReadAllTextAsync(Path.Combine(image.Layers[0], "etc/name")));
        fixture.AssertClean();
    }

    [Fact]
    public async Task DigestReference_IsCheckedAndGivesNoTag()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_base).On(fixture.Registry);
        var image = await fixture.Puller.PullAsync($"{fixture.Registry.Name}/app:other@{served.ManifestDigest}", null, null, default);
        Assert.Equal(served.Id, image.Id);
        Assert.Empty(image.RepoTags);
        Assert.Single(image.RepoDigests);
    }

    [Fact]
    public async Task Index_GivesTheImageOfThisPlatformAndItsOwnDigest()
    {
        await using var fixture = await PullFixture.StartAsync();
        var ours = new ServedImage(_base).On(fixture.Registry);
        var other = new ServedImage(_top).On(fixture.Registry);
        var index = ServedImage.Index(
            ServedImage.Platform(ServedImage.Descriptor(ServedImage.OciManifest, other.Manifest), "linux", "arm64", "v8"),
            ServedImage.Platform(ServedImage.Descriptor(ServedImage.OciManifest, other.Manifest), "linux", "amd64", "v3"),
            ServedImage.Platform(ServedImage.Descriptor(ServedImage.OciManifest, ours.Manifest), "linux", "amd64"),
            ServedImage.Platform(ServedImage.Descriptor(ServedImage.OciManifest, other.Manifest), "unknown", "unknown"));
        ServedImage.Serve(fixture.Registry, "1", index, ServedImage.OciIndex);
        var image = await fixture.PullAsync();
        Assert.Equal(ours.Id, image.Id);
        Assert.Equal([$"{fixture.Registry.Name}/app@{Digest.Of(index)}"], image.RepoDigests);
        Assert.Equal(ours.ManifestDigest.ToString(), image.ManifestDigest);
    }

    [Fact]
    public async Task DockersSchema2AndList_AreTheSame()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_base) { ManifestType = ServedImage.DockerManifest };
        served.Manifest = ServedImage.Bytes(served.ManifestOf(ServedImage.DockerConfig, ServedImage.DockerLayer));
        served.On(fixture.Registry);
        var list = ServedImage.Index(
            ServedImage.Platform(ServedImage.Descriptor(ServedImage.DockerManifest, served.Manifest), "linux", "amd64"));
        list = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(list).Replace(ServedImage.OciIndex, ServedImage.DockerIndex, StringComparison.Ordinal));
        ServedImage.Serve(fixture.Registry, "1", list, ServedImage.DockerIndex);
        Assert.Equal(served.Id, (await fixture.PullAsync()).Id);
    }

    [Fact]
    public async Task ZstdLayer_IsUnpacked()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_base) { Layers = [Content.Zstd(_base)] };
        served.Manifest = ServedImage.Bytes(served.ManifestOf(layerType: "application/vnd.oci.image.layer.v1.tar+zstd"));
        served.On(fixture.Registry);
        await fixture.PullAsync();
    }

    [Fact]
    public async Task SecondTag_CostsOneManifest()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_base, _top).On(fixture.Registry);
        await fixture.PullAsync();
        served.On(fixture.Registry, "2");
        var before = fixture.Requests.Count;
        var image = await fixture.PullAsync("2");
        Assert.Equal([fixture.Reference("1"), fixture.Reference("2")], image.RepoTags);
        Assert.Equal(["GET /v2/app/manifests/2"], fixture.Requests.Skip(before));
    }

    [Fact]
    public async Task UnchangedTag_CostsOneHead()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_base).On(fixture.Registry);
        await fixture.PullAsync();
        var before = fixture.Requests.Count;
        Assert.Equal(served.Id, (await fixture.PullAsync()).Id);
        Assert.Equal(["HEAD /v2/app/manifests/1"], fixture.Requests.Skip(before));
    }

    [Fact]
    public async Task ImageThatTheNodeHas_IsNotGivenWithoutTheRegistrysConsent()
    {
        await using var fixture = await PullFixture.StartAsync();
        new ServedImage(_base).On(fixture.Registry);
        await fixture.PullAsync();
        fixture.Registry.Gate = context =>
        {
            context.Response.StatusCode = 403;
            return Task.FromResult(true);
        };
        Assert.Equal(ImageError.Denied, (await fixture.RefusedAsync()).Kind);
    }

    [Fact]
    public async Task TagThatMoved_TakesItsNameAlongAndFetchesNewLayersAlone()
    {
        await using var fixture = await PullFixture.StartAsync();
        var old = new ServedImage(_base).On(fixture.Registry);
        await fixture.PullAsync();
        var served = new ServedImage(_base, _top).On(fixture.Registry);
        var before = fixture.Requests.Count;
        var image = await fixture.PullAsync();
        Assert.Equal(served.Id, image.Id);
        Assert.Equal([fixture.Reference()], image.RepoTags);
        Assert.Empty(fixture.Store.Find(old.Id)!.RepoTags);
        Assert.DoesNotContain($"GET {served.LayerPath(0)}", fixture.Requests.Skip(before));
        Assert.Contains($"GET {served.LayerPath(1)}", fixture.Requests.Skip(before));
    }

    [Fact]
    public async Task LayerThatComesTwice_IsFetchedOnce()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_base, _top, _base).On(fixture.Registry);
        await fixture.PullAsync();
        Assert.Single(fixture.Requests, r => r == $"GET {served.LayerPath(0)}");
    }

    [Fact]
    public async Task LayerThatNeedsThoseBeneath_WaitsWithoutItsConnection()
    {
        // The upper layer's own download is done long before the lower one's: it must neither block nor time out.
        await using var fixture = await PullFixture.StartAsync(RegistryFixture.Options with { ProgressTimeout = TimeSpan.FromSeconds(3) });
        var large = ServedImage.Large(1, 1 << 20).Archives[0];
        var served = new ServedImage(large, new TarBuilder().File("d/implicit", "x").ToArray()).On(fixture.Registry);
        fixture.Registry.FailOnce(served.LayerPath(0), async context =>
        {
            var bytes = served.Layers[0];
            context.Response.ContentLength = bytes.Length;
            for (var at = 0; at < bytes.Length; at += 100_000)
            {
                await context.Response.Body.WriteAsync(bytes.AsMemory(at, Math.Min(100_000, bytes.Length - at)));
                await context.Response.Body.FlushAsync();
                await Task.Delay(400);
            }
        });
        await fixture.PullAsync();
        Assert.Equal(4, fixture.Requests.Count);
    }

    [Fact]
    public async Task Progress_EndsWithEveryLayerUnpacked()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(3, 3 << 20).On(fixture.Registry);
        var seen = new List<PullProgress>();
        await fixture.Puller.PullAsync(fixture.Reference(), null, new Recorder(seen), default);
        Assert.Equal(3, seen.Select(p => p.Layer).Distinct().Count());
        Assert.All(seen, p => Assert.InRange(p.Unpacked, 0, p.Downloaded));
        Assert.All(served.Layers, layer =>
            Assert.Contains(new PullProgress(Digest.Of(layer).ToString(), layer.Length, layer.Length, layer.Length), seen));
    }

    [Fact]
    public async Task Layers_AreDownloadedAtOnceUpToTheLimit()
    {
        await using var fixture = await PullFixture.StartAsync(RegistryFixture.Options with { MaxParallelDownloads = 3 });
        ServedImage.Large(8, 1000).On(fixture.Registry);
        var (now, most) = (0, 0);
        var gate = new Lock();
        fixture.Registry.Gate = async context =>
        {
            if (context.Request.Path.Value!.Contains("/blobs/", StringComparison.Ordinal))
            {
                lock (gate)
                {
                    most = Math.Max(most, ++now);
                }

                await Task.Delay(100);
                lock (gate)
                {
                    now--;
                }
            }

            return false;
        };
        await fixture.PullAsync();
        Assert.Equal(3, most);
    }

    private sealed class Recorder(List<PullProgress> seen) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => seen.Add(value);
    }
}
