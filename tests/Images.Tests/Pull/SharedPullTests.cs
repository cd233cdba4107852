using Crisp.Images.Tests.Registry;
using Xunit;

namespace Crisp.Images.Tests.Pull;

public sealed class SharedPullTests
{
    [Fact]
    public async Task OneImageForMany_IsFetchedOnce()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(4, 1 << 20).On(fixture.Registry);
        var open = Hold(fixture, served.LayerPath(0));
        var pulls = Enumerable.Range(0, 10).Select(_ => fixture.PullAsync()).ToList();
        open.SetResult();
        Assert.All(await Task.WhenAll(pulls), image => Assert.Equal(served.Id, image.Id));
        Assert.Equal(fixture.Requests.Distinct(), fixture.Requests);
        Assert.Equal(6, fixture.Requests.Count);
    }

    [Fact]
    public async Task OneWhoGoes_DoesNotEndItForTheOthers()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(1, 1 << 20).On(fixture.Registry);
        var open = Hold(fixture, served.LayerPath(0));
        using var leave = new CancellationTokenSource();
        var first = fixture.PullAsync(cancellation: leave.Token);
        var second = fixture.PullAsync();
        await Eventually.TrueAsync(() => fixture.Requests.Contains($"GET {served.LayerPath(0)}"));
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        open.SetResult();
        Assert.Equal(served.Id, (await second).Id);
        Assert.Single(fixture.Requests, r => r == $"GET {served.LayerPath(0)}");
    }

    [Fact]
    public async Task WhenAllHaveGone_TheDownloadStopsAndGoesOnLater()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(1, 4 << 20).On(fixture.Registry);
        var gone = new TaskCompletionSource();
        fixture.Registry.FailOnce(served.LayerPath(0), async context =>
        {
            await FakeRegistry.StallAfter(served.Layers[0], 2 << 20)(context);
            gone.SetResult();
        });
        using var leave = new CancellationTokenSource();
        var pulls = Enumerable.Range(0, 3).Select(_ => fixture.PullAsync(cancellation: leave.Token)).ToList();
        await Eventually.TrueAsync(() => fixture.Ingest.Values.Sum() == 2 << 20);
        await leave.CancelAsync();
        foreach (var pull in pulls)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
        }

        // The registry sees the connection end, and what has come stays.
        await gone.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(2 << 20, Assert.Single(fixture.Ingest).Value);

        Assert.Equal(served.Id, (await fixture.PullAsync()).Id);
        Assert.Equal($"bytes={2 << 20}-", fixture.Registry.Requests[^1]["Range"]);
        fixture.AssertClean();
    }

    [Fact]
    public async Task OneWhoComesRightAfter_BeginsAnew()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(2, 1 << 20).On(fixture.Registry);
        for (var i = 0; i < 10; i++)
        {
            using var leave = new CancellationTokenSource();
            var pull = fixture.PullAsync(cancellation: leave.Token);
            await Task.Delay(i);
            await leave.CancelAsync();
            Assert.Equal(served.Id, (await fixture.PullAsync()).Id);
            fixture.Store.Remove(served.Id);
            await Record.ExceptionAsync(() => pull);
        }
    }

    [Fact]
    public async Task TwoImagesWithOneLayer_FetchItOnce()
    {
        await using var fixture = await PullFixture.StartAsync();
        var one = ServedImage.Large(1, 1 << 20).On(fixture.Registry);
        var two = new ServedImage(one.Archives[0], ServedImage.Large(1, 1000, "more").Archives[0]).On(fixture.Registry, "2");
        var open = Hold(fixture, one.LayerPath(0));
        var first = fixture.PullAsync();
        await Eventually.TrueAsync(() => fixture.Requests.Contains($"GET {one.LayerPath(0)}"));
        var second = fixture.PullAsync("2");
        await Eventually.TrueAsync(() => fixture.Requests.Contains($"GET {two.LayerPath(1)}"));
        open.SetResult();
        await Task.WhenAll(first, second);
        Assert.Single(fixture.Requests, r => r == $"GET {one.LayerPath(0)}");
        fixture.AssertClean();
    }

    [Fact]
    public async Task TwoImagesWithOneLayer_TheFirstGoesAndTheSecondStillGetsIt()
    {
        await using var fixture = await PullFixture.StartAsync();
        var one = ServedImage.Large(1, 1 << 20).On(fixture.Registry);
        var two = new ServedImage(one.Archives[0], ServedImage.Large(1, 1000, "more").Archives[0]).On(fixture.Registry, "2");
        var open = Hold(fixture, one.LayerPath(0));
        using var leave = new CancellationTokenSource();
        var first = fixture.PullAsync(cancellation: leave.Token);
        await Eventually.TrueAsync(() => fixture.Requests.Contains($"GET {one.LayerPath(0)}"));
        var second = fixture.PullAsync("2");
        await Eventually.TrueAsync(() => fixture.Requests.Contains($"GET {two.LayerPath(1)}"));
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        open.SetResult();
        Assert.Equal(two.Id, (await second).Id);
        Assert.Single(fixture.Requests, r => r == $"GET {one.LayerPath(0)}");
    }

    [Fact]
    public async Task OtherCredentials_AreAnotherPull()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(1, 1 << 20).On(fixture.Registry);
        fixture.Registry.Gate = context =>
        {
            var isRight = context.Request.Headers.Authorization == "Bearer right";
            context.Response.StatusCode = isRight ? 200 : 401;
            return Task.FromResult(!isRight);
        };
        var right = RegistryCredentials.From("", "", "", "", "", "right");
        var wrong = RegistryCredentials.From("", "", "", "", "", "wrong");
        var good = fixture.Puller.PullAsync(fixture.Reference(), right, null, default);
        var bad = fixture.Puller.PullAsync(fixture.Reference(), wrong, null, default);
        Assert.Equal(served.Id, (await good).Id);
        Assert.Equal(ImageError.Unauthenticated, (await Assert.ThrowsAsync<ImageException>(() => bad)).Kind);
    }

    [Fact]
    public async Task Failure_IsEverybodysAndNobodysWhoComesLater()
    {
        await using var fixture = await PullFixture.StartAsync();
        var pulls = Enumerable.Range(0, 3).Select(_ => fixture.PullAsync()).ToList();
        foreach (var pull in pulls)
        {
            Assert.Equal(ImageError.NotFound, (await Assert.ThrowsAsync<ImageException>(() => pull)).Kind);
        }

        var served = ServedImage.Large(1, 1000).On(fixture.Registry);
        Assert.Equal(served.Id, (await fixture.PullAsync()).Id);
    }

    [Fact]
    public async Task SlowRegistry_HoldsUpNoOtherImage()
    {
        await using var fixture = await PullFixture.StartAsync(store: new ImageStoreOptions { Parallelism = 1 });
        var slow = ServedImage.Large(3, 1 << 20).On(fixture.Registry);
        var open = Hold(fixture, slow.LayerPath(0));
        var first = fixture.PullAsync();
        await Eventually.TrueAsync(() => fixture.Requests.Contains($"GET {slow.LayerPath(0)}"));
        var fast = ServedImage.Large(2, 1000, "fast").On(fixture.Registry, "2");
        Assert.Equal(fast.Id, (await fixture.PullAsync("2")).Id);
        Assert.False(first.IsCompleted);
        open.SetResult();
        await first;
    }

    [Fact]
    public async Task CollectionAndRemoval_NeverTakeAwayWhatAPullCountsOn()
    {
        await using var fixture = await PullFixture.StartAsync();
        var one = ServedImage.Large(2, 10_000).On(fixture.Registry);
        new ServedImage([.. one.Archives, .. ServedImage.Large(1, 1000, "more").Archives]).On(fixture.Registry, "2");
        using var end = new CancellationTokenSource();
        var remover = Task.Run(() =>
        {
            while (!end.IsCancellationRequested)
            {
                fixture.Store.Remove(fixture.Reference("1"));
                fixture.Store.Collect();
            }
        });
        for (var i = 0; i < 10; i++)
        {
            var images = await Task.WhenAll(fixture.PullAsync("1"), fixture.PullAsync("2"));
            Assert.All(images[1].Layers, layer => Assert.True(Directory.Exists(layer)));
            fixture.Store.Remove(fixture.Reference("2"));
        }

        await end.CancelAsync();
        await remover;
        fixture.AssertClean();
    }

    /// <summary>The next request for the path waits.</summary>
    private static TaskCompletionSource Hold(PullFixture fixture, string path)
    {
        var open = new TaskCompletionSource();
        fixture.Registry.FailOnce(path, async context =>
        {
            await open.Task.WaitAsync(TimeSpan.FromSeconds(30));
            var bytes = fixture.Registry.Content[path].Bytes;
            context.Response.ContentLength = bytes.Length;
            await context.Response.Body.WriteAsync(bytes);
        });
        return open;
    }
}
