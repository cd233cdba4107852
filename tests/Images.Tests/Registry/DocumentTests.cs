using System.Text;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Crisp.Images.Tests.Registry;

public sealed class DocumentTests
{
    [Fact]
    public async Task TagThatClaimsAnotherDigest_IsRefused()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest with { Digest = Digest.Of([1]).ToString() };
        using var session = registry.Open();
        Assert.Equal(ImageError.BadContent, (await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default))).Kind);
    }

    [Fact]
    public async Task DigestThatIsNotTheContents_IsRefused()
    {
        await using var registry = await FakeRegistry.StartAsync();
        var digest = Digest.Of([1]);
        registry.Content[$"/v2/app/manifests/{digest}"] = RegistryFixture.ServedManifest with { Digest = digest.ToString() };
        registry.Content[$"/v2/app/blobs/{digest}"] = new Served([2]);
        using var session = registry.Open();
        Assert.Equal(ImageError.BadContent, (await Assert.ThrowsAsync<ImageException>(() => session.ReadManifestAsync(digest, null, default))).Kind);
        using var other = registry.Open();
        Assert.Equal(ImageError.BadContent, (await Assert.ThrowsAsync<ImageException>(() => other.ReadConfigAsync(digest, default))).Kind);
    }

    [Fact]
    public async Task SizeThatIsNotTheDescriptors_IsRefused()
    {
        await using var registry = await FakeRegistry.StartAsync();
        var digest = Digest.Of(RegistryFixture.Manifest);
        registry.Content[$"/v2/app/manifests/{digest}"] = RegistryFixture.ServedManifest;
        using var session = registry.Open();
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ReadManifestAsync(digest, 7, default));
        Assert.Equal(ImageError.BadContent, error.Kind);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ManifestThatIsTooLong_IsNotRead(bool saysSo)
    {
        await using var registry = await FakeRegistry.StartAsync();
        long sent = 0;
        registry.FailOnce(RegistryFixture.ManifestPath, async context =>
        {
            context.Response.ContentLength = saysSo ? 1L << 40 : null;
            var chunk = new byte[64 * 1024];
            while (!context.RequestAborted.IsCancellationRequested && sent < 1L << 30)
            {
                await context.Response.Body.WriteAsync(chunk);
                sent += chunk.Length;
                // Writing to a connection that has gone costs nothing, and the news of it takes a moment.
                await Task.Delay(sent > 16 << 20 ? 20 : 0);
            }
        });
        using var session = registry.Open();
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.Equal(ImageError.BadContent, error.Kind);
        Assert.Contains("4194304", error.Message, StringComparison.Ordinal);
        Assert.InRange(sent, 0, 64 << 20);
    }

    [Fact]
    public async Task ManifestThatNeverEnds_HasItsTime()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Gate = async context =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.WriteAsync(" ");
                await context.Response.Body.FlushAsync();
                await Task.Delay(20);
            }

            return true;
        };
        using var session = registry.Open(options: RegistryFixture.Options with { DocumentTimeout = TimeSpan.FromMilliseconds(300) });
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.Equal(ImageError.RegistryUnavailable, error.Kind);
        Assert.Contains("within 0.3 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServerThatNeverAnswers_HasItsTime()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Gate = async context =>
        {
            await FakeRegistry.UntilGoneAsync(context);
            return true;
        };
        using var session = registry.Open(options: RegistryFixture.Options with { ProgressTimeout = TimeSpan.FromMilliseconds(300) });
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.Equal(ImageError.RegistryUnavailable, error.Kind);
        Assert.Equal(3, registry.Requests.Count);
    }

    [Fact]
    public async Task Cancellation_IsNoFailure()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Gate = async context =>
        {
            await FakeRegistry.UntilGoneAsync(context);
            return true;
        };
        using var session = registry.Open();
        using var soon = new CancellationTokenSource(100);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.ResolveAsync(soon.Token));
    }

    [Theory]
    [InlineData(404, ImageError.NotFound, 1)]
    [InlineData(400, ImageError.BadContent, 1)]
    [InlineData(418, ImageError.BadContent, 1)]
    [InlineData(429, ImageError.RateLimited, 3)]
    [InlineData(500, ImageError.RegistryUnavailable, 3)]
    [InlineData(503, ImageError.RegistryUnavailable, 3)]
    public async Task Status_DecidesTheKindAndWhetherItIsTriedAgain(int status, ImageError kind, int tries)
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Gate = async context =>
        {
            context.Response.StatusCode = status;
            await context.Response.WriteAsync("""{"errors":[{"code":"X","message":"a reason\r\n\u001b[31mwith colours"}]}""");
            return true;
        };
        using var session = registry.Open();
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.Equal(kind, error.Kind);
        Assert.Contains($"{status}", error.Message, StringComparison.Ordinal);
        Assert.Contains("a reason", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.Equal(tries, registry.Requests.Count);
    }

    [Theory]
    [InlineData("<html>garbage")]
    [InlineData("{\"errors\":null}")]
    [InlineData("{\"errors\":[null,{}]}")]
    [InlineData("{\"errors\":{\"a\":1}}")]
    public async Task ErrorBodyThatIsGarbage_StillGivesASentence(string body)
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Gate = async context =>
        {
            context.Response.StatusCode = 404;
            await context.Response.WriteAsync(body);
            return true;
        };
        using var session = registry.Open();
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TooManyRequests_WaitsAsLongAsAskedOrNotAtAll()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        registry.FailOnce(RegistryFixture.ManifestPath, Busy("1"));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using (var session = registry.Open())
        {
            await session.ResolveAsync(default);
        }

        Assert.InRange(clock.ElapsedMilliseconds, 950, 10_000);

        registry.FailOnce(RegistryFixture.ManifestPath, Busy("3600"));
        using var impatient = registry.Open();
        var error = await Assert.ThrowsAsync<ImageException>(() => impatient.ResolveAsync(default));
        Assert.Equal(ImageError.RateLimited, error.Kind);
        Assert.Equal(3, registry.Requests.Count);
    }

    [Fact]
    public async Task Mirrors_AreAskedInOrderAndTheErrorHasAllReasons()
    {
        await using var first = await FakeRegistry.StartAsync();
        await using var second = await FakeRegistry.StartAsync();
        await using var registry = await FakeRegistry.StartAsync();
        first.Gate = context =>
        {
            context.Response.StatusCode = 500;
            return Task.FromResult(true);
        };
        using var folder = new HostsFolder();
        folder.Write(registry.Name, $"server = \"{registry.Url}\"\n[host.\"http://127.0.0.1:1\"]\n[host.\"{first.Url}\"]\n[host.\"{second.Url}\"]\n");
        var options = RegistryFixture.Options with { HostDirectories = [folder.Path] };

        using (var session = registry.Open(options: options))
        {
            var error = await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
            Assert.Equal(ImageError.NotFound, error.Kind);
            Assert.All(
                (string[])["127.0.0.1:1 cannot be reached", first.Name, "500", second.Name, registry.Name],
                part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
            Assert.Equal([1, 1, 1], [first.Requests.Count, second.Requests.Count, registry.Requests.Count]);
        }

        second.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        using var found = registry.Open(options: options);
        await found.ResolveAsync(default);
        Assert.Single(registry.Requests);
    }

    [Fact]
    public async Task MirrorThatMayOnlyPull_ResolvesNoTag()
    {
        await using var mirror = await FakeRegistry.StartAsync();
        await using var registry = await FakeRegistry.StartAsync();
        var digest = Digest.Of(RegistryFixture.Manifest);
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        mirror.Content[$"/v2/app/manifests/{digest}"] = RegistryFixture.ServedManifest;
        using var folder = new HostsFolder();
        folder.Write(registry.Name, $"server = \"{registry.Url}\"\n[host.\"{mirror.Url}\"]\ncapabilities = [\"pull\"]\n");
        using var session = registry.Open(options: RegistryFixture.Options with { HostDirectories = [folder.Path] });
        await session.ResolveAsync(default);
        await session.ReadManifestAsync(digest, null, default);
        Assert.Equal("/v2/app/manifests/1", Assert.Single(registry.Requests).Path);
        Assert.Equal($"/v2/app/manifests/{digest}", Assert.Single(mirror.Requests).Path);
    }

    [Fact]
    public async Task Probe_AsksForNoContent()
    {
        await using var registry = await FakeRegistry.StartAsync();
        registry.Content[RegistryFixture.ManifestPath] = RegistryFixture.ServedManifest;
        using var session = registry.Open();
        Assert.Equal(Digest.Of(RegistryFixture.Manifest), await session.ProbeAsync(default));
        Assert.Equal("HEAD", Assert.Single(registry.Requests).Method);

        registry.Content.Clear();
        Assert.Null(await session.ProbeAsync(default));
    }

    [Fact]
    public async Task HostThatDoesNotExist_IsNamed()
    {
        using var session = new Crisp.Images.Registry.RegistryClient().Open(
            ImageReference.Parse("nowhere.invalid/app:1"), null, RegistryFixture.Options);
        var error = await Assert.ThrowsAsync<ImageException>(() => session.ResolveAsync(default));
        Assert.Equal(ImageError.RegistryUnavailable, error.Kind);
        Assert.Contains("nowhere.invalid", error.Message, StringComparison.Ordinal);
    }

    private static RequestDelegate Busy(string after) => async context =>
    {
        context.Response.StatusCode = 429;
        context.Response.Headers.RetryAfter = after;
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes("{}"));
    };
}
