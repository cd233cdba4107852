using Crisp.Images.Tests.Registry;
using Xunit;

namespace Crisp.Images.Tests.Pull;

/// <summary>What a daemon finds that a dead one has left.</summary>
public sealed class ResumeTests
{
    [Theory]
    [InlineData(1_000_000)]
    [InlineData(1)]
    public async Task HalfDownloadedLayer_IsGoneOnWith(int length)
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(1, 2 << 20).On(fixture.Registry);
        Leave(fixture, served, served.Layers[0][..length]);
        fixture.Restart();
        Assert.Equal(served.Id, (await fixture.PullAsync()).Id);
        Assert.Equal($"bytes={length}-", fixture.Registry.Requests[^1]["Range"]);
        fixture.AssertClean();
    }

    [Fact]
    public async Task DownloadedLayer_IsNotFetchedAgain()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(1, 2 << 20).On(fixture.Registry);
        Leave(fixture, served, served.Layers[0]);
        fixture.Restart();
        await fixture.PullAsync();
        Assert.DoesNotContain($"GET {served.LayerPath(0)}", fixture.Requests);
        fixture.AssertClean();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task FileThatAPowerFailureFilledWithZeros_CostsADownloadAndNoError(bool isWhole)
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(1, 2 << 20).On(fixture.Registry);
        var bytes = served.Layers[0].ToArray();
        bytes.AsSpan(1_000_000).Clear();
        Leave(fixture, served, isWhole ? bytes : bytes[..1_500_000]);
        fixture.Restart();
        Assert.Equal(served.Id, (await fixture.PullAsync()).Id);
        Assert.Null(fixture.Registry.Requests[^1]["Range"]);
        fixture.AssertClean();
    }

    [Fact]
    public async Task FileThatIsLongerThanTheLayer_IsThrownAway()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(1, 1000).On(fixture.Registry);
        Leave(fixture, served, [.. served.Layers[0], 0]);
        fixture.Restart();
        await fixture.PullAsync();
        Assert.Null(fixture.Registry.Requests[^1]["Range"]);
        fixture.AssertClean();
    }

    [Fact]
    public async Task WrongLayer_IsTriedOnceMoreAtMost()
    {
        await using var fixture = await PullFixture.StartAsync();
        var served = ServedImage.Large(1, 1000).On(fixture.Registry);
        var wrong = served.Layers[0].ToArray();
        wrong[4] ^= 1;
        fixture.Registry.Content[served.LayerPath(0)] = new Served(wrong);
        Leave(fixture, served, wrong[..500]);
        fixture.Restart();
        Assert.Equal(ImageError.BadContent, (await fixture.RefusedAsync()).Kind);
        Assert.Equal(2, fixture.Requests.Count(r => r == $"GET {served.LayerPath(0)}"));
        fixture.AssertClean();
    }

    [Fact]
    public async Task WhatNobodyHasGoneOnWithForADay_IsRemoved()
    {
        await using var fixture = await PullFixture.StartAsync();
        ServedImage.Large(1, 1000).On(fixture.Registry);
        var old = Path.Combine(fixture.IngestPath, new string('a', 64));
        var young = Path.Combine(fixture.IngestPath, new string('b', 64));
        await File.WriteAllTextAsync(old, "old");
        await File.WriteAllTextAsync(young, "young");
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddHours(-25));
        await fixture.PullAsync();
        Assert.Equal([Path.GetFileName(young)], fixture.Ingest.Keys);
    }

    [Fact]
    public async Task HalfDownloads_AreCountedInTheStoresUsage()
    {
        await using var fixture = await PullFixture.StartAsync();
        var before = fixture.Store.MeasureUsage().Bytes;
        await File.WriteAllBytesAsync(Path.Combine(fixture.IngestPath, new string('a', 64)), Noise.Bytes(1 << 20));
        Assert.InRange(fixture.Store.MeasureUsage().Bytes - before, 1 << 20, 2 << 20);
    }

    private static void Leave(PullFixture fixture, ServedImage served, byte[] bytes)
        => File.WriteAllBytes(Path.Combine(fixture.IngestPath, Digest.Of(served.Layers[0]).Hex), bytes);
}
