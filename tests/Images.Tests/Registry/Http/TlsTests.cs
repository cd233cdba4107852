using System.Net;
using Xunit;

namespace Crisp.Images.Tests.Registry.Http;

public sealed class TlsTests
{
    [Fact]
    public async Task PrivateAuthority_IsTrustedOnceNamed()
    {
        using var certificates = new TestCertificates();
        await using var registry = await StartAsync(certificates, IPAddress.Loopback);
        using var folder = new HostsFolder();
        folder.Write(registry.Name, certificates.AuthorityPem, "ca.pem");
        folder.Write(registry.Name, $"server = \"{registry.Url}\"\nca = \"ca.pem\"\n");
        using var session = registry.Open(options: RegistryFixture.Options with { HostDirectories = [folder.Path] });
        await session.ResolveAsync(default);
    }

    [Fact]
    public async Task UnknownAuthority_IsRefusedWithAdvice()
    {
        using var certificates = new TestCertificates();
        await using var registry = await StartAsync(certificates, IPAddress.Loopback);
        using var folder = new HostsFolder();
        folder.Write(registry.Name, $"server = \"{registry.Url}\"\n");
        using var session = registry.Open(options: RegistryFixture.Options with { HostDirectories = [folder.Path] });
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.Equal(ImageError.RegistryUnavailable, error.Kind);
        Assert.Contains("hosts.toml as ca", error.Message, StringComparison.Ordinal);
        Assert.Empty(registry.Requests);
    }

    [Fact]
    public async Task CertificateOfAnotherName_IsRefusedAlthoughItsAuthorityIsTrusted()
    {
        using var certificates = new TestCertificates();
        await using var registry = await StartAsync(certificates, null, "other.example");
        using var folder = new HostsFolder();
        folder.Write(registry.Name, certificates.AuthorityPem, "ca.pem");
        folder.Write(registry.Name, $"server = \"{registry.Url}\"\nca = [\"ca.pem\"]\n");
        using var session = registry.Open(options: RegistryFixture.Options with { HostDirectories = [folder.Path] });
        await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.Empty(registry.Requests);
    }

    [Fact]
    public async Task SkipVerify_TakesAnything()
    {
        using var certificates = new TestCertificates();
        await using var registry = await StartAsync(certificates, null, "other.example");
        using var folder = new HostsFolder();
        folder.Write(registry.Name, $"server = \"{registry.Url}\"\nskip_verify = true\n");
        using var session = registry.Open(options: RegistryFixture.Options with { HostDirectories = [folder.Path] });
        await session.ResolveAsync(default);
    }

    [Fact]
    public async Task LoopbackWithoutFiles_MaySpeakTlsWithAnyCertificate()
    {
        using var certificates = new TestCertificates();
        await using var registry = await StartAsync(certificates, null, "other.example");
        using var session = registry.Open();
        await session.ResolveAsync(default);
    }

    [Fact]
    public async Task ClientCertificate_IsShownToTheRegistryAndNotToWhereItRedirects()
    {
        using var certificates = new TestCertificates();
        await using var storage = await StartAsync(certificates, IPAddress.Loopback, wantsClientCertificate: true);
        await using var registry = await StartAsync(certificates, IPAddress.Loopback, wantsClientCertificate: true);
        var blob = Noise.Bytes(1000);
        storage.Content["/blob"] = new Served(blob);
        registry.FailOnce($"/v2/app/blobs/{Digest.Of(blob)}", context =>
        {
            context.Response.Redirect($"{storage.Url}blob");
            return Task.CompletedTask;
        });
        using var folder = new HostsFolder();
        var (certificate, key) = certificates.Client("CN=node");
        folder.Write(registry.Name, certificates.AuthorityPem, "ca.pem");
        folder.Write(registry.Name, certificate, "node.pem");
        folder.Write(registry.Name, key, "node.key");
        folder.Write(registry.Name, $"server = \"{registry.Url}\"\nca = \"ca.pem\"\nclient = [[\"node.pem\", \"node.key\"]]\n");
        using var session = registry.Open(options: RegistryFixture.Options with { HostDirectories = [folder.Path] });

        await session.ResolveAsync(default);
        Assert.Equal(blob, await session.ReadConfigAsync(Digest.Of(blob), default));
        Assert.All(registry.Requests, r => Assert.Equal("CN=node", r.ClientCertificate));
        Assert.Null(Assert.Single(storage.Requests).ClientCertificate);
    }

    [Theory]
    [InlineData("ca = \"ca.pem\"", "no certificate")]
    [InlineData("ca = \"none.pem\"", "none.pem")]
    [InlineData("client = \"ca.pem\"", "ca.pem")]
    public async Task CertificateFileThatCannotBeUsed_IsNamed(string line, string expected)
    {
        await using var registry = await FakeRegistry.StartAsync();
        using var folder = new HostsFolder();
        folder.Write(registry.Name, "no PEM", "ca.pem");
        folder.Write(registry.Name, $"{line}\n");
        var error = Assert.Throws<ImageException>(() => registry.Open(options: RegistryFixture.Options with { HostDirectories = [folder.Path] }));
        Assert.Equal(ImageError.Configuration, error.Kind);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static async Task<FakeRegistry> StartAsync(
        TestCertificates certificates, IPAddress? address, string name = "localhost", bool wantsClientCertificate = false)
    {
        var registry = await FakeRegistry.StartAsync(certificates.Server(name, address), wantsClientCertificate);
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        return registry;
    }
}
