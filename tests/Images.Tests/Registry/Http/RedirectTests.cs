using Microsoft.AspNetCore.Http;
using Xunit;

namespace Crisp.Images.Tests.Registry.Http;

public sealed class RedirectTests
{
    private static readonly byte[] _blob = Noise.Bytes(5000);
    private static readonly string _path = $"/v2/app/blobs/{Digest.Of(_blob)}";

    [Fact]
    public async Task OtherHost_GetsNeitherCredentialsNorConfiguredHeaders()
    {
        await using var storage = await FakeRegistry.StartAsync();
        await using var registry = await FakeRegistry.StartAsync();
        using var folder = new HostsFolder();
        folder.Write(registry.Name, $"server = \"{registry.Url}\"\n[header]\nX-Secret = \"1\"\n");
        storage.Content["/blob"] = new Served(_blob);
        registry.Content[_path] = new Served([]);
        registry.FailOnce(_path, Redirect($"{storage.Url}blob?signature=x"));
        using var session = registry.Open(
            RegistryCredentials.From("", "", "", "", "", "opaque"), RegistryFixture.Options with { HostDirectories = [folder.Path] });

        Assert.Equal(_blob, await session.ReadConfigAsync(Digest.Of(_blob), default));
        Assert.Equal("Bearer opaque", registry.Requests[0]["Authorization"]);
        Assert.Equal("1", registry.Requests[0]["X-Secret"]);
        Assert.Null(storage.Requests[0]["Authorization"]);
        Assert.Null(storage.Requests[0]["X-Secret"]);
        Assert.Equal("?signature=x", storage.Requests[0].Query);
    }

    [Fact]
    public async Task SameHost_KeepsThem()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Content["/elsewhere"] = new Served(_blob);
        registry.FailOnce(_path, Redirect("/elsewhere"));
        using var session = registry.Open(RegistryCredentials.From("", "", "", "", "", "opaque"));
        Assert.Equal(_blob, await session.ReadConfigAsync(Digest.Of(_blob), default));
        Assert.Equal("Bearer opaque", registry.Requests[^1]["Authorization"]);
    }

    [Fact]
    public async Task BackFromAnotherHost_TheyDoNotComeAgain()
    {
        await using var storage = await FakeRegistry.StartAsync();
        await using var registry = await FakeRegistry.StartAsync();
        registry.FailOnce(_path, Redirect($"{storage.Url}bounce"));
        storage.FailOnce("/bounce", Redirect($"{registry.Url}elsewhere"));
        registry.Content["/elsewhere"] = new Served(_blob);
        using var session = registry.Open(RegistryCredentials.From("", "", "", "", "", "opaque"));
        Assert.Equal(_blob, await session.ReadConfigAsync(Digest.Of(_blob), default));
        Assert.Null(registry.Requests[^1]["Authorization"]);
    }

    [Fact]
    public async Task OtherHostThatAsksForCredentials_GetsNone()
    {
        await using var thief = await FakeRegistry.StartAsync();
        await using var registry = await FakeRegistry.StartAsync();
        registry.FailOnce(_path, Redirect($"{thief.Url}blob"));
        thief.Gate = context =>
        {
            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = new[] { $"Bearer realm=\"{thief.Url}token\",service=\"x\"", "Basic realm=\"x\"" };
            return Task.FromResult(true);
        };
        using var session = registry.Open(RegistryFixture.Password("user", "secret"));
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ReadConfigAsync(Digest.Of(_blob), default));
        Assert.Equal(ImageError.Unauthenticated, error.Kind);
        Assert.Null(Assert.Single(thief.Requests)["Authorization"]);
    }

    [Fact]
    public async Task AwayFromTls_IsNotFollowed()
    {
        using var certificates = new TestCertificates();
        await using var plain = await FakeRegistry.StartAsync();
        await using var registry = await FakeRegistry.StartAsync(certificates.Server());
        registry.FailOnce(_path, Redirect($"{plain.Url}blob"));
        using var session = registry.Open();
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ReadConfigAsync(Digest.Of(_blob), default));
        Assert.Equal(ImageError.Denied, error.Kind);
        Assert.Empty(plain.Requests);
    }

    [Fact]
    public async Task RealmWithoutTls_GetsNoCredentialsFromARegistryWithTls()
    {
        using var certificates = new TestCertificates();
        await using var registry = await FakeRegistry.StartAsync(certificates.Server());
        registry.Gate = context =>
        {
            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = "Bearer realm=\"http://realm.example/token\"";
            return Task.FromResult(true);
        };
        using var session = registry.Open(RegistryFixture.Password("user", "secret"));
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.Equal(ImageError.Denied, error.Kind);
        Assert.Contains("without TLS", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("ftp://x.example/")]
    public async Task OtherSchemes_AreNotFollowed(string target)
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.FailOnce(_path, Redirect(target));
        using var session = registry.Open();
        Assert.Equal(
            ImageError.Denied, (await Assert.ThrowsAsync<ImageException>(() => session.ReadConfigAsync(Digest.Of(_blob), default))).Kind);
    }

    [Fact]
    public async Task Circle_HasAnEnd()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Gate = async context =>
        {
            await Redirect(context.Request.Path)(context);
            return true;
        };
        using var session = registry.Open();
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ReadConfigAsync(Digest.Of(_blob), default));
        Assert.Contains("redirects more than 10 times", error.Message, StringComparison.Ordinal);
        Assert.Equal(11, registry.Requests.Count);
    }

    private static RequestDelegate Redirect(string target) => context =>
    {
        context.Response.StatusCode = 307;
        context.Response.Headers.Location = target;
        return Task.CompletedTask;
    };
}
