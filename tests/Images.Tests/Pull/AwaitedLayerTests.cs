using Crisp.Images.Tests.Registry;
using Xunit;

namespace Crisp.Images.Tests.Pull;

/// <summary>Layers that are here before their image is.</summary>
public sealed class AwaitedLayerTests
{
    [Fact]
    public async Task InterruptedPull_KeepsItsLayersOverCollectionAndRestart()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = await InterruptAsync(fixture);
        fixture.Store.Collect();
        fixture.Restart();
        fixture.Store.Collect();
        Assert.Single(fixture.Layers);

        var before = fixture.Requests.Count;
        await fixture.PullAsync();
        Assert.DoesNotContain($"GET {served.LayerPath(0)}", fixture.Requests.Skip(before));
    }

    [Fact]
    public async Task WhenTheKubeletRemovesImages_TheyGoToo()
    {
        await using var fixture = await PullFixture.StartAsync();
        ServedImage.Large(1, 1000, "other").On(fixture.Registry, "other");
        await fixture.PullAsync("other");
        await InterruptAsync(fixture);
        Assert.Equal(2, fixture.Layers.Length);
        fixture.Store.Remove(fixture.Reference("other"));
        Assert.Empty(fixture.Layers);
    }

    [Fact]
    public async Task AfterADay_TheyGo()
    {
        await using var fixture = await PullFixture.StartAsync();
        await InterruptAsync(fixture);
        var record = Directory.GetFiles(fixture.LayersPath, "layer.json", SearchOption.AllDirectories).Single();
        File.SetLastWriteTimeUtc(record, DateTime.UtcNow.AddHours(-25));
        fixture.Restart();
        fixture.Store.Collect();
        Assert.Empty(fixture.Layers);
    }

    [Fact]
    public async Task LayersOfARefusedImage_AreNotAwaited()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(2, 1000).On(fixture.Registry);
        fixture.Registry.Content[served.LayerPath(1)] = new Served(new byte[served.Layers[1].Length]);
        await fixture.RefusedAsync();
        fixture.Store.Collect();
        Assert.Empty(fixture.Layers);
    }

    [Fact]
    public async Task LayersOfAnImageThatWasRemoved_AreNotAwaited()
    {
        await using var fixture = await PullFixture.StartAsync();
        ServedImage.Large(1, 1000).On(fixture.Registry);
        var image = await fixture.PullAsync();
        fixture.Store.LayersInUse = () => image.Layers;
        fixture.Store.Remove(fixture.Reference());
        Assert.Single(fixture.Layers);
        fixture.Store.LayersInUse = () => [];
        fixture.Store.Collect();
        Assert.Empty(fixture.Layers);
    }

    /// <summary>A pull of two layers that ends when the first is here.</summary>
    private static async Task<ServedImage> InterruptAsync(PullFixture fixture)
    {
        var served = ServedImage.Large(2, 100_000).On(fixture.Registry);
        fixture.Registry.FailOnce(served.LayerPath(1), FakeRegistry.StallAfter(served.Layers[1], 50_000));
        using var leave = new CancellationTokenSource();
        var before = fixture.Layers.Length;
        var pull = fixture.PullAsync(cancellation: leave.Token);
        await Eventually.TrueAsync(() => fixture.Layers.Length == before + 1);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
        // The waiter is answered at once, the pull ends a moment later.
        await Eventually.TrueAsync(() => Directory.GetFileSystemEntries(fixture.WorkPath).Length == 0 && fixture.Store.IsIdle);
        return served;
    }
}
