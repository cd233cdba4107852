using System.Text;
using System.Text.Json.Nodes;
using Crisp.Images.Archives;
using Crisp.Images.Tests.Builders;
using Crisp.Images.Tests.Registry;
using Xunit;

namespace Crisp.Images.Tests.Pull;

public sealed class HostilePullTests
{
    private static readonly byte[] _layer = new TarBuilder().Directory("etc").File("etc/name").ToArray();

    [Theory]
    [InlineData("application/vnd.docker.distribution.manifest.v1+prettyjws")]
    [InlineData("application/vnd.docker.distribution.manifest.v1+json")]
    [InlineData("application/json")]
    public async Task Schema1_IsRefusedWithASentence(string type)
    {
        await using var fixture = await PullFixture.StartAsync();
        ServedImage.Serve(fixture.Registry, "1", """{"schemaVersion":1,"name":"app","tag":"1","fsLayers":[{"blobSum":"sha256:00"}],"history":[]}"""u8.ToArray(), type);
        var error = await fixture.RefusedAsync();
        Assert.Equal(ImageError.Unsupported, error.Kind);
        Assert.Contains("schema 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task IndexWithoutThisPlatform_SaysWhichThereAre()
    {
        await using var fixture = await PullFixture.StartAsync();
        var other = new ServedImage(_layer).On(fixture.Registry);
        ServedImage.Serve(
            fixture.Registry,
            "1",
            ServedImage.Index(
                ServedImage.Platform(ServedImage.Descriptor(ServedImage.OciManifest, other.Manifest), "linux", "s390x"),
                ServedImage.Platform(ServedImage.Descriptor(ServedImage.OciManifest, other.Manifest), "windows", "amd64")),
            ServedImage.OciIndex);
        var error = await fixture.RefusedAsync();
        Assert.Equal(ImageError.Unsupported, error.Kind);
        Assert.Contains("linux/s390x, windows/amd64", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DocumentThatIsCalledTheOtherKind_IsRefused()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_layer).On(fixture.Registry);
        var index = ServedImage.Index(ServedImage.Platform(ServedImage.Descriptor(ServedImage.OciManifest, served.Manifest), "linux", "amd64"));

        // By the registry's Content-Type, by the index's descriptor, and both kinds in one (CVE-2021-41190).
        ServedImage.Serve(fixture.Registry, "1", index, ServedImage.OciManifest);
        Assert.Equal(ImageError.BadContent, (await fixture.RefusedAsync()).Kind);
        ServedImage.Serve(fixture.Registry, "1", served.Manifest, ServedImage.OciIndex);
        Assert.Equal(ImageError.BadContent, (await fixture.RefusedAsync()).Kind);
        ServedImage.Serve(fixture.Registry, "inner", index, ServedImage.OciIndex);
        ServedImage.Serve(
            fixture.Registry, "1", ServedImage.Index(ServedImage.Platform(ServedImage.Descriptor(ServedImage.OciManifest, index), "linux", "amd64")), ServedImage.OciIndex);
        Assert.Equal(ImageError.BadContent, (await fixture.RefusedAsync()).Kind);
        var both = served.ManifestOf();
        both["manifests"] = new JsonArray();
        ServedImage.Serve(fixture.Registry, "1", ServedImage.Bytes(both), ServedImage.OciManifest);
        Assert.Contains("index and manifest at once", (await fixture.RefusedAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task IndexOfIndexes_HasAnEnd()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_layer).On(fixture.Registry);
        var document = ServedImage.Index(ServedImage.Platform(ServedImage.Descriptor(ServedImage.OciManifest, served.Manifest), "linux", "amd64"));
        for (var i = 0; i < 6; i++)
        {
            ServedImage.Serve(fixture.Registry, "1", document, ServedImage.OciIndex);
            document = ServedImage.Index(ServedImage.Platform(ServedImage.Descriptor(ServedImage.OciIndex, document), "linux", "amd64"));
        }

        Assert.Contains("deep", (await fixture.RefusedAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LayerWithAnotherDigest_IsRefusedAndGone()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_layer).On(fixture.Registry);
        var other = served.Layers[0].ToArray();
        // The gzip header's time: the content is the same, the bytes are not.
        other[4] ^= 1;
        fixture.Registry.Content[served.LayerPath(0)] = new Served(other);
        var error = await fixture.RefusedAsync();
        Assert.Equal(ImageError.BadContent, error.Kind);
        Assert.Contains(Digest.Of(other).ToString(), error.Message, StringComparison.Ordinal);
        fixture.AssertClean();

        served.On(fixture.Registry);
        await fixture.PullAsync();
    }

    [Fact]
    public async Task LayerWithAnotherDiffId_IsRefusedAndGone()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_layer) { Config = Content.Config("lie", [[.. _layer, .. new byte[512]]]) };
        served.Manifest = ServedImage.Bytes(served.ManifestOf());
        served.On(fixture.Registry);
        Assert.Equal(ImageError.BadContent, (await fixture.RefusedAsync()).Kind);
        Assert.Empty(fixture.Layers);
        fixture.AssertClean();
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task LayerOfAnotherLength_IsRefused(int difference)
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_layer);
        var manifest = served.ManifestOf();
        manifest["layers"]![0]!["size"] = served.Layers[0].Length + difference;
        served.Manifest = ServedImage.Bytes(manifest);
        served.On(fixture.Registry);
        Assert.Equal(ImageError.BadContent, (await fixture.RefusedAsync()).Kind);
        Assert.Empty(fixture.Layers);
    }

    [Fact]
    public async Task GzipBomb_EndsAtTheLimit()
    {
        var limits = TarLimits.Layer with { Bytes = 4 << 20 };
        await using var fixture = await PullFixture.StartAsync(store: new ImageStoreOptions { LayerLimits = limits });
        new ServedImage(new TarBuilder().Add("zeros", '0', 0x1A4, new byte[64 << 20]).ToArray()).On(fixture.Registry);
        Assert.Equal(ImageError.BadContent, (await fixture.RefusedAsync()).Kind);
        Assert.Empty(fixture.Layers);
        fixture.AssertClean();
    }

    [Fact]
    public async Task HostileArchive_IsRefusedAndGone()
    {
        await using var fixture = await PullFixture.StartAsync();
        new ServedImage(new TarBuilder().File("../../escape").ToArray(), ServedImage.Large(1, 4 << 20).Archives[0]).On(fixture.Registry);
        Assert.Equal(ImageError.BadContent, (await fixture.RefusedAsync()).Kind);
        await Eventually.TrueAsync(() => fixture.Ingest.Count == 0);
        fixture.AssertClean();
    }

    [Fact]
    public async Task Artifact_IsRefusedBeforeItsConfigIsFetched()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_layer);
        served.Manifest = ServedImage.Bytes(served.ManifestOf("application/vnd.oci.empty.v1+json"));
        served.On(fixture.Registry);
        var error = await fixture.RefusedAsync();
        Assert.Equal(ImageError.Unsupported, error.Kind);
        Assert.Contains("artifact", error.Message, StringComparison.Ordinal);
        Assert.Single(fixture.Requests);
    }

    [Fact]
    public async Task ConfigThatIsTooLong_IsNotFetched()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_layer);
        var manifest = served.ManifestOf();
        manifest["config"]!["size"] = 100L << 20;
        served.Manifest = ServedImage.Bytes(manifest);
        served.On(fixture.Registry);
        Assert.Equal(ImageError.BadContent, (await fixture.RefusedAsync()).Kind);
        Assert.Single(fixture.Requests);
    }

    [Fact]
    public async Task ConfigForAnotherPlatform_IsRefused()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = new ServedImage(_layer) { Config = Content.Config("arm", [_layer], "arm64") };
        served.Manifest = ServedImage.Bytes(served.ManifestOf());
        served.On(fixture.Registry);
        Assert.Equal(ImageError.Unsupported, (await fixture.RefusedAsync()).Kind);
        Assert.Empty(fixture.Layers);
    }

    /// <summary>Each document once as the manifest and once as the config: a sentence, and nothing left behind.</summary>
    [Fact]
    public async Task Corpus_IsRefusedWithoutATrace()
    {
        await using var fixture = await PullFixture.StartAsync();
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Pull", "corpus")).Order(StringComparer.Ordinal))
        {
            var document = await File.ReadAllBytesAsync(file);
            var served = new ServedImage(_layer, _layer).On(fixture.Registry);
            ServedImage.Serve(fixture.Registry, "1", WithConfig(document, served.Config), ServedImage.OciManifest);
            await RefusesAsync(fixture, file);

            served = new ServedImage(_layer) { Config = document };
            served.Manifest = ServedImage.Bytes(served.ManifestOf());
            served.On(fixture.Registry);
            await RefusesAsync(fixture, file);
        }

        Assert.Empty(fixture.Store.Images);
        Assert.Empty(fixture.Layers);
        fixture.AssertClean();
    }

    // So that the documents get as far as they can: their config is there.
    private static byte[] WithConfig(byte[] document, byte[] config)
        => Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(document)
            .Replace($"\"sha256:{new string('0', 64)}\", \"size\": 2", $"\"{Digest.Of(config)}\", \"size\": {config.Length}", StringComparison.Ordinal));

    private static async Task RefusesAsync(PullFixture fixture, string file)
    {
        try
        {
            await fixture.PullAsync();
            Assert.Fail($"{file} was taken.");
        }
        catch (ImageException error)
        {
            Assert.True(error.Kind is ImageError.BadContent or ImageError.Unsupported, $"{file}: {error.Kind}, {error.Message}");
            Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
        }
    }
}
