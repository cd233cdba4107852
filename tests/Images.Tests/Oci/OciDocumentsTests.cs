using System.Text;
using Crisp.Images.Oci;
using Crisp.Images.Tests.Builders;
using Xunit;

namespace Crisp.Images.Tests.Oci;

public sealed class OciDocumentsTests
{
    private const string Manifest = "\"config\":{\"digest\":\"x\"},\"layers\":[]";

    [Theory]
    [InlineData("{\"schemaVersion\":1,\"fsLayers\":[]}", "schema 1", ImageError.Unsupported)]
    [InlineData("{\"schemaVersion\":3," + Manifest + "}", "version 3", ImageError.BadContent)]
    [InlineData("{\"schemaVersion\":2,\"manifests\":[]," + Manifest + "}", "index and manifest at once", ImageError.BadContent)]
    [InlineData("{\"schemaVersion\":2}", "neither", ImageError.BadContent)]
    [InlineData("{\"schemaVersion\":2,\"layers\":[]}", "neither", ImageError.BadContent)]
    [InlineData("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\"," + Manifest + "}", "the other kind", ImageError.BadContent)]
    [InlineData("[]", "not the JSON", ImageError.BadContent)]
    [InlineData("null", "null", ImageError.BadContent)]
    [InlineData("{", "not the JSON", ImageError.BadContent)]
    public void WrongDocuments_AreRefusedWithTheReason(string json, string reason, ImageError kind)
    {
        var error = Assert.Throws<ImageException>(() => OciDocuments.Read(Encoding.UTF8.GetBytes(json), null, "It"));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Equal(kind, error.Kind);
    }

    [Fact]
    public void DocumentOfTheOtherKindThanItsDescriptorSays_IsRefused()
        => Assert.Throws<ImageException>(() => OciDocuments.Read("{\"schemaVersion\":2,\"manifests\":[]}"u8, MediaTypes.OciManifest, "It"));

    [Fact]
    public void JsonDeeperThanAnyManifest_IsRefused()
        => Assert.Throws<ImageException>(() => OciDocuments.Read(
            Encoding.UTF8.GetBytes($"{{\"x\":{new string('[', 10_000)}{new string(']', 10_000)}}}"), null, "It"));

    [Fact]
    public void ConfigWithoutLayers_IsNoImage()
        => Assert.Equal(ImageError.Unsupported, Assert.Throws<ImageException>(() => OciDocuments.ReadImage("{\"os\":\"linux\"}"u8, "It")).Kind);

    [Fact]
    public void ConfigWithNulls_IsReadAsIfTheyWereNotThere()
    {
        var json = "{\"config\":{\"Env\":[null,\"A=b\"],\"Cmd\":null,\"Labels\":{\"a\":null},\"Volumes\":{\"/v\":{}},\"StopSignal\":\"\"},\"rootfs\":{\"diff_ids\":[\"x\"]}}";
        var config = ImageConfigs.From(OciDocuments.ReadImage(Encoding.UTF8.GetBytes(json), "It"));
        Assert.Equal(["A=b"], config.Env);
        Assert.Empty(config.Cmd);
        Assert.Equal("", config.Labels["a"]);
        Assert.Equal(["/v"], config.Volumes);
        Assert.Null(config.StopSignal);
    }

    [Fact]
    public void ChainIds_AreThoseOfTheSpecification()
    {
        var (a, b) = (Digest.Of("a"u8), Digest.Of("b"u8));
        var chain = ChainId.Of([a, b]);
        Assert.Equal(a, chain[0]);
        Assert.Equal(Digest.Of(Encoding.ASCII.GetBytes($"{a} {b}")), chain[1]);
    }

    [Fact]
    public void ManifestOfAnArtifact_IsRefusedByName()
    {
        var config = "{}"u8.ToArray();
        var manifest = Encoding.UTF8.GetBytes(
            $"{{\"schemaVersion\":2,\"config\":{{\"mediaType\":\"application/vnd.cncf.helm.config.v1+json\",\"digest\":\"{Digest.Of(config)}\",\"size\":2}},\"layers\":[]}}");
        var error = Assert.Throws<ImageException>(() => ManifestContent.From(manifest, config, (_, _) => throw new NotSupportedException()));
        Assert.Contains("artifact", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/vnd.oci.image.layer.v1.tar+encrypted")]
    [InlineData("application/octet-stream")]
    public void LayerOfAnUnknownType_IsRefusedByName(string type)
    {
        var config = Content.Config("x", [[]]);
        var manifest = Encoding.UTF8.GetBytes(
            $"{{\"schemaVersion\":2,\"config\":{{\"digest\":\"{Digest.Of(config)}\",\"size\":{config.Length}}},\"layers\":[{{\"mediaType\":\"{type}\",\"digest\":\"{Digest.Of([])}\",\"size\":0}}]}}");
        var error = Assert.Throws<ImageException>(() => ManifestContent.From(manifest, config, (_, _) => throw new NotSupportedException()));
        Assert.Contains(type, error.Message, StringComparison.Ordinal);
    }
}
