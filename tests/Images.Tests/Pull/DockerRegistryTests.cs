using System.Net;
using System.Security.Cryptography.X509Certificates;
using Crisp.Images.Tests.Builders;
using Crisp.Images.Tests.Registry;
using Crisp.Images.Tests.Registry.Http;
using Xunit;

namespace Crisp.Images.Tests.Pull;

/// <summary>The real registry, filled by skopeo, and what skopeo and umoci make of the same image.</summary>
public sealed class DockerRegistryTests
{
    // Layers of which one has implicit parents beneath a symlink, one whiteouts: what is easily unpacked wrongly.
    private static readonly byte[][] _archives =
    [
        new TarBuilder().Directory("usr").Directory("usr/bin").Symlink("bin", "usr/bin").Directory("tmp", 0x3FF).Directory("etc")
            .File("etc/gone").File("etc/kept", "1").Directory("var").File("var/old").File("usr/bin/tool", "tool", 0x9ED).ToArray(),
        new TarBuilder().File("bin/other", "other", 0x1ED).File("tmp/file").HardLink("usr/bin/link", "usr/bin/tool").ToArray(),
        new TarBuilder().Whiteout("etc/gone").Directory("var", 0x1C0).Opaque("var").File("var/new").File("etc/kept", "2").ToArray(),
    ];

    [Theory]
    [InlineData("oci")]
    [InlineData("v2s2")]
    public async Task Tree_IsTheOneThatSkopeoAndUmociMake(string format)
    {
        Root.Required();
        Tool.Required("skopeo", "umoci");
        await using var registry = await DockerRegistry.StartAsync();
        using var store = new TestStore();
        Push(registry, format);
        var image = await Puller(store).PullAsync($"{registry.Name}/some/app:1", null, null, default);

        var layout = Path.Combine(registry.Scratch, "layout");
        Tool.Run("skopeo", "copy", "--src-tls-verify=false", $"docker://{registry.Name}/some/app:1", $"oci:{layout}:1");
        Tool.Run("umoci", "unpack", "--image", $"{layout}:1", Path.Combine(registry.Scratch, "bundle"));
        Assert.Equal(TreeView.Of(Path.Combine(registry.Scratch, "bundle", "rootfs")).Lines, TreeView.Of(image).Lines);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(store.Path, "ingest")));
    }

    [Fact]
    public async Task Password_IsAskedForAndTaken()
    {
        Root.Required();
        Tool.Required("skopeo");
        await using var registry = await DockerRegistry.StartAsync(wantsPassword: true);
        using var store = new TestStore();
        Push(registry, "oci", "--dest-creds", $"{DockerRegistry.User}:{DockerRegistry.Password}");
        var puller = Puller(store);
        var name = $"{registry.Name}/some/app:1";
        Assert.Equal(ImageError.Unauthenticated, (await Assert.ThrowsAsync<ImageException>(() => puller.PullAsync(name, null, null, default))).Kind);
        var wrong = RegistryFixture.Password(DockerRegistry.User, "wrong");
        Assert.Equal(ImageError.Unauthenticated, (await Assert.ThrowsAsync<ImageException>(() => puller.PullAsync(name, wrong, null, default))).Kind);
        var right = RegistryFixture.Password(DockerRegistry.User, DockerRegistry.Password);
        Assert.Equal([name], (await puller.PullAsync(name, right, null, default)).RepoTags);
    }

    [Fact]
    public async Task PrivateAuthorityOfHostsToml_IsTrusted()
    {
        Root.Required();
        Tool.Required("skopeo");
        using var certificates = new TestCertificates();
        using var folder = new HostsFolder();
        using var server = certificates.Server("localhost", IPAddress.Loopback);
        var certificate = folder.Write("tls", server.ExportCertificatePem(), "server.pem");
        var key = folder.Write("tls", server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(), "server.key");
        await using var registry = await DockerRegistry.StartAsync(certificate: (certificate, key));
        using var store = new TestStore();
        Push(registry, "oci");
        folder.Write(registry.Name, certificates.AuthorityPem, "ca.pem");
        folder.Write(registry.Name, "ca = \"ca.pem\"\n");
        var puller = new ImagePuller(store.Store, RegistryFixture.Options with { HostDirectories = [folder.Path] });
        await puller.PullAsync($"{registry.Name}/some/app:1", null, null, default);
    }

    [Fact]
    public async Task WhatIsNotThere_IsSaid()
    {
        Root.Required();
        await using var registry = await DockerRegistry.StartAsync();
        using var store = new TestStore();
        var error = await Assert.ThrowsAsync<ImageException>(() => Puller(store).PullAsync($"{registry.Name}/none:1", null, null, default));
        Assert.Equal(ImageError.NotFound, error.Kind);
        Assert.Contains("manifest unknown", error.Message, StringComparison.Ordinal);
    }

    private static ImagePuller Puller(TestStore store) => new(store.Store, RegistryFixture.Options);

    private static void Push(DockerRegistry registry, string format, params string[] arguments)
    {
        var layout = Layout(Path.Combine(registry.Scratch, "pushed"));
        Tool.Run("skopeo", ["copy", "--dest-tls-verify=false", "--format", format, .. arguments, $"oci:{layout}:1", $"docker://{registry.Name}/some/app:1"]);
    }

    private static string Layout(string path)
    {
        var served = new ServedImage(_archives);
        var blobs = Directory.CreateDirectory(Path.Combine(path, "blobs", "sha256")).FullName;
        foreach (var blob in (byte[][])[.. served.Layers, served.Config, served.Manifest])
        {
            File.WriteAllBytes(Path.Combine(blobs, Digest.Of(blob).Hex), blob);
        }

        var manifest = ServedImage.Descriptor(ServedImage.OciManifest, served.Manifest);
        manifest["annotations"] = new System.Text.Json.Nodes.JsonObject { ["org.opencontainers.image.ref.name"] = "1" };
        File.WriteAllBytes(Path.Combine(path, "index.json"), ServedImage.Index(manifest));
        File.WriteAllText(Path.Combine(path, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        return path;
    }
}
