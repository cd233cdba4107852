using System.Text;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Crisp.Images.Tests;
using Crisp.Images.Tests.Pull;
using Crisp.Images.Tests.Registry;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Crisp.CriServer.Tests.Images;

public sealed class PullTests
{
    [Fact]
    public async Task Pull_AnswersWithTheImagesId()
    {
        RequireRoot();
        await using var registry = await FakeRegistry.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync();
        var served = ServedImage.Large(3, 100_000).On(registry);
        var reference = $"{registry.Name}/app:1";
        var response = await daemon.Images.PullImageAsync(new PullImageRequest { Image = new ImageSpec { Image = reference } });
        Assert.Equal(served.Id, response.ImageRef);
        var image = (await daemon.Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = reference } })).Image;
        Assert.Equal((served.Id, reference), (image.Id, Assert.Single(image.RepoTags)));
        Assert.Equal($"{registry.Name}/app@{served.ManifestDigest}", Assert.Single(image.RepoDigests));
        Assert.Single((await daemon.Images.ListImagesAsync(new ListImagesRequest())).Images);
    }

    [Fact]
    public async Task UnknownRuntimeHandler_IsRefusedBeforeTheRegistryIsAsked()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync();
        var error = await FailedAsync(daemon, new ImageSpec { Image = $"{registry.Name}/app:1", RuntimeHandler = "no-such" });
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains("no-such", error.Status.Detail, StringComparison.Ordinal);
        Assert.Empty(registry.Requests);
    }

    [Theory]
    [InlineData(401, StatusCode.Unauthenticated, "imagePullSecrets")]
    [InlineData(403, StatusCode.PermissionDenied, "credentials")]
    [InlineData(404, StatusCode.NotFound, "Check the image's name and tag")]
    [InlineData(429, StatusCode.ResourceExhausted, "too many requests")]
    // The kubelet shows a pod as RegistryUnavailable by this beginning, and takes only the code Unknown off before it looks.
    [InlineData(503, StatusCode.Unknown, "^RegistryUnavailable: ")]
    public async Task Refusal_HasItsCodeAndSaysWhatToDo(int status, StatusCode code, string expected)
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync();
        registry.Gate = context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.RetryAfter = "3600";
            return Task.FromResult(true);
        };
        var error = await FailedAsync(daemon, new ImageSpec { Image = $"{registry.Name}/app:1" });
        Assert.Equal(code, error.StatusCode);
        Assert.Matches(expected, error.Status.Detail);
    }

    [Theory]
    [InlineData("")]
    [InlineData("docker.io/UPPER")]
    [InlineData("app@sha256:12")]
    public async Task NameThatIsNone_IsInvalid(string name)
    {
        await using var daemon = await CrispDaemon.StartAsync();
        Assert.Equal(StatusCode.InvalidArgument, (await FailedAsync(daemon, new ImageSpec { Image = name })).StatusCode);
    }

    [Fact]
    public async Task EveryFormOfCredentials_ReachesTheRegistryAndNoLog()
    {
        RequireRoot();
        await using var registry = await FakeRegistry.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync("--log-level", "trace");
        ServedImage.Large(1, 1000).On(registry);
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes("user:hunter2"));
        registry.Gate = async context =>
        {
            if (context.Request.Path == "/token")
            {
                var form = await context.Request.ReadFormAsync();
                await context.Response.WriteAsync($$"""{"access_token":"{{(form["refresh_token"] == "hunter2" ? "bearer-hunter2" : "wrong")}}"}""");
                return true;
            }

            var isRight = context.Request.Headers.Authorization.ToString() is var given && (given == $"Basic {basic}" || given == "Bearer bearer-hunter2");
            context.Response.StatusCode = isRight ? 200 : 401;
            context.Response.Headers.WWWAuthenticate = context.Request.Path.Value!.EndsWith("/refresh", StringComparison.Ordinal)
                ? $"Bearer realm=\"{registry.Url}token\"" : "Basic realm=\"x\"";
            return !isRight;
        };
        foreach (var (tag, auth) in ((string, AuthConfig)[])
        [
            ("1", new AuthConfig { Username = "user", Password = "hunter2" }),
            ("2", new AuthConfig { Auth = basic }),
            ("3", new AuthConfig { RegistryToken = "bearer-hunter2" }),
            ("refresh", new AuthConfig { IdentityToken = "hunter2" }),
            ("4", new AuthConfig { Username = "user", Password = "hunter2", ServerAddress = registry.Url.ToString() }),
        ])
        {
            ServedImage.Large(1, 1000).On(registry, tag);
            await daemon.Images.PullImageAsync(
                new PullImageRequest { Image = new ImageSpec { Image = $"{registry.Name}/app:{tag}" }, Auth = auth });
        }

        var wrong = new PullImageRequest
        {
            Image = new ImageSpec { Image = $"{registry.Name}/app:1" },
            Auth = new AuthConfig { Username = "user", Password = "hunter2x" },
        };
        var error = await Assert.ThrowsAsync<RpcException>(async () => await daemon.Images.PullImageAsync(wrong));
        Assert.DoesNotContain("hunter2", error.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("PullImage", daemon.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ClientThatGoesAway_EndsTheDownload()
    {
        RequireRoot();
        await using var registry = await FakeRegistry.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync();
        var served = ServedImage.Large(1, 2 << 20).On(registry);
        var gone = new TaskCompletionSource();
        registry.FailOnce(served.LayerPath(0), async context =>
        {
            await FakeRegistry.StallAfter(served.Layers[0], 1 << 20)(context);
            gone.SetResult();
        });
        using var leave = new CancellationTokenSource();
        var pull = daemon.Images.PullImageAsync(Request(registry), cancellationToken: leave.Token);
        await Eventually.TrueAsync(() => Ingest(daemon) == 1 << 20);
        await leave.CancelAsync();
        await gone.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(async () => await pull)).StatusCode);
    }

    [Fact]
    public async Task KilledDaemon_GoesOnWhereItStopped()
    {
        RequireRoot();
        await using var registry = await FakeRegistry.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync();
        var served = ServedImage.Large(3, 2 << 20).On(registry);
        registry.FailOnce(served.LayerPath(1), FakeRegistry.StallAfter(served.Layers[1], 1 << 20));
        var pull = daemon.Images.PullImageAsync(Request(registry));
        var layers = Path.Combine(daemon.Root, "images", "layers");
        await Eventually.TrueAsync(() => Ingest(daemon) == 1 << 20 && Directory.GetDirectories(layers).Length == 2);
        await daemon.KillAsync();
        await Assert.ThrowsAsync<RpcException>(async () => await pull);
        var before = registry.Requests.Count;

        await daemon.StartAgainAsync();
        Assert.Equal(served.Id, (await daemon.Images.PullImageAsync(Request(registry))).ImageRef);
        var blobs = registry.Requests.Skip(before).Where(r => served.Layers.Any((byte[] l) => r.Path.EndsWith(Crisp.Images.Digest.Of(l).Hex, StringComparison.Ordinal)));
        Assert.Equal($"bytes={1 << 20}-", Assert.Single(blobs)["Range"]);
        Assert.Equal(0, Ingest(daemon));
    }

    private static void RequireRoot() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "Unpacking layers needs root.");

    private static PullImageRequest Request(FakeRegistry registry) => new() { Image = new ImageSpec { Image = $"{registry.Name}/app:1" } };

    private static async Task<RpcException> FailedAsync(CrispDaemon daemon, ImageSpec image)
        => await Assert.ThrowsAsync<RpcException>(async () => await daemon.Images.PullImageAsync(new PullImageRequest { Image = image }));

    /// <summary>Bytes that are half downloaded.</summary>
    private static long Ingest(CrispDaemon daemon)
        => new DirectoryInfo(Path.Combine(daemon.Root, "images", "ingest")).GetFiles().Sum(f => f.Length);
}
