using System.Text;
using Crisp.Images.Registry;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Crisp.Images.Tests.Registry.Auth;

public sealed class AuthorizationTests
{
    [Fact]
    public async Task Anonymous_SendsNothing()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        using var session = registry.Open();
        Assert.Equal(RegistryFixture.Manifest, (await session.ResolveAsync(default)).Content);
        Assert.Null(Assert.Single(registry.Requests)["Authorization"]);
    }

    [Fact]
    public async Task Basic_IsSentWhenAskedForAndRemembered()
    {
        await using var registry = await BasicAsync("user:pa:ss");
        using var session = registry.Open(RegistryFixture.Password("user", "pa:ss"));
        await session.ResolveAsync(default);
        await session.ResolveAsync(default);
        Assert.Equal([null, "Basic dXNlcjpwYTpzcw==", "Basic dXNlcjpwYTpzcw=="], registry.Requests.Select(r => r["Authorization"]));
    }

    [Theory]
    [InlineData("user", "wrong")]
    [InlineData(null, null)]
    public async Task WrongOrNoPassword_IsUnauthenticated(string? user, string? password)
    {
        await using var registry = await BasicAsync("user:right");
        using var session = registry.Open(user is null ? null : RegistryFixture.Password(user, password!));
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.Equal(ImageError.Unauthenticated, error.Kind);
        Assert.Contains("401", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", error.Message, StringComparison.Ordinal);
        Assert.InRange(registry.Requests.Count, 1, 2);
    }

    [Fact]
    public async Task Forbidden_IsDenied()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.FailOnce(RegistryFixture.ManifestPath, 403);
        using var session = registry.Open();
        Assert.Equal(ImageError.Denied, (await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default))).Kind);
    }

    [Fact]
    public async Task Bearer_AnonymousTokenIsKeptForTheNextPull()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        var tokens = new TokenService(registry);
        var client = new RegistryClient();
        await ResolveAsync(registry, client, null);
        await ResolveAsync(registry, client, null);
        Assert.Equal(1, tokens.Asked);
        Assert.Contains(registry.Requests, r => r.Path == "/token" && r.Query.Contains("x=1&scope=repository%3Aapp%3Apull&service=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Bearer_TokensOfDifferentCredentialsAreKeptApart()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        var tokens = new TokenService(registry) { Secret = "user:right" };
        var client = new RegistryClient();
        await ResolveAsync(registry, client, RegistryFixture.Password("user", "right"));
        Assert.Equal(
            ImageError.Unauthenticated,
            (await Assert.ThrowsAsync<ImageException>(() => ResolveAsync(registry, client, RegistryFixture.Password("user", "wrong")))).Kind);
        await Assert.ThrowsAsync<ImageException>(() => ResolveAsync(registry, client, null));
        Assert.Equal(3, tokens.Asked);
    }

    [Fact]
    public async Task Bearer_TokenThatHasEndedIsRenewedByTimeAndByRefusal()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        // Shorter than the margin before a token's end: never used by a second pull.
        var tokens = new TokenService(registry) { Lifetime = 5 };
        var client = new RegistryClient();
        await ResolveAsync(registry, client, null);
        await ResolveAsync(registry, client, null);
        Assert.Equal(2, tokens.Asked);

        tokens.Lifetime = 300;
        using var session = registry.Open(client: client);
        await session.ResolveAsync(default);
        tokens.Revoke();
        await session.ResolveAsync(default);
        Assert.Equal(4, tokens.Asked);
    }

    [Fact]
    public async Task IdentityToken_BecomesATokenByOAuth()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        _ = new TokenService(registry) { Secret = "refresh me" };
        await ResolveAsync(registry, new RegistryClient(), RegistryCredentials.From("", "", "", "", "refresh me", ""));
        Assert.Contains(registry.Requests, r => r is { Method: "POST", Path: "/token" } && r["Authorization"] is null);
    }

    [Fact]
    public async Task RegistryToken_GoesToTheRegistryAsItIs()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        await ResolveAsync(registry, new RegistryClient(), RegistryCredentials.From("", "", "", "", "", "opaque"));
        Assert.Equal("Bearer opaque", Assert.Single(registry.Requests)["Authorization"]);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"token\":\"\"}")]
    [InlineData("{\"token\":\"a\\r\\nX-Evil: 1\"}")]
    [InlineData("{\"token\":7}")]
    public async Task RealmThatAnswersNonsense_IsABadRegistry(string answer)
    {
        await using var registry = await FakeRegistry.StartAsync();
        _ = new TokenService(registry) { Secret = "nobody" };
        registry.Gate = async context =>
        {
            context.Response.StatusCode = context.Request.Path == "/token" ? 200 : 401;
            context.Response.Headers.WWWAuthenticate = $"Bearer realm=\"{registry.Url}token\"";
            await context.Response.WriteAsync(answer);
            return true;
        };
        using var session = registry.Open();
        Assert.Equal(ImageError.BadContent, (await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default))).Kind);
    }

    [Fact]
    public async Task CredentialsForAnotherServer_AreNotSent()
    {
        await using var registry = await BasicAsync("user:secret");
        using var session = registry.Open(RegistryFixture.Password("user", "secret", "https://other.example"));
        await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.All(registry.Requests, r => Assert.Null(r["Authorization"]));
    }

    [Fact]
    public async Task Mirror_GetsNoCredentialsUnlessTheyNameIt()
    {
        await using var registry = await BasicAsync("user:secret");
        await using var mirror = await BasicAsync("user:secret");
        using var folder = new HostsFolder();
        folder.Write(registry.Name, $"server = \"{registry.Url}\"\n[host.\"{mirror.Url}\"]\n");
        var options = RegistryFixture.Options with { HostDirectories = [folder.Path] };

        using (var session = registry.Open(RegistryFixture.Password("user", "secret"), options))
        {
            await session.ResolveAsync(default);
            Assert.All(mirror.Requests, r => Assert.Null(r["Authorization"]));
            Assert.Equal($"?ns={Uri.EscapeDataString(registry.Name)}", Assert.Single(mirror.Requests).Query);
            Assert.Contains(registry.Requests, r => r["Authorization"] is not null);
        }

        using var named = registry.Open(RegistryFixture.Password("user", "secret", mirror.Url.ToString()), options);
        await named.ResolveAsync(default);
        Assert.Contains(mirror.Requests, r => r["Authorization"] is not null);
    }

    private static async Task<FakeRegistry> BasicAsync(string secret)
    {
        var registry = await FakeRegistry.StartAsync();
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        var right = $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(secret))}";
        registry.Gate = context =>
        {
            var isRight = context.Request.Headers.Authorization == right;
            context.Response.StatusCode = isRight ? 200 : 401;
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"a registry\"";
            return Task.FromResult(!isRight);
        };
        return registry;
    }

    private static async Task ResolveAsync(FakeRegistry registry, RegistryClient client, RegistryCredentials? credentials)
    {
        using var session = registry.Open(credentials, client: client);
        await session.ResolveAsync(default);
    }
}
