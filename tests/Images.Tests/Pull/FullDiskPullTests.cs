using Crisp.Images.Tests.Builders;
using Crisp.Images.Tests.Registry;
using Xunit;

namespace Crisp.Images.Tests.Pull;

public sealed class FullDiskPullTests
{
    // The download alone fills the disk; the download fits and the layer does not.
    [Theory]
    [InlineData(12)]
    [InlineData(5)]
    public async Task FullDisk_IsSaidAndNothingHalfMadeStays(int megabytes)
    {
        Root.Required();
        await using var registry = await FakeRegistry.StartAsync();
        using var disk = new MemoryDirectory("8m");
        using var store = ImageStore.Open(Path.Combine(disk.Path, "images"));
        var puller = new ImagePuller(store, RegistryFixture.Options);
        ServedImage.Large(1, 100_000, "small").On(registry, "small");
        ServedImage.Large(1, megabytes << 20).On(registry);
        var left = Path.Combine(disk.Path, "images", "ingest", new string('a', 64));
        await File.WriteAllTextAsync(left, "of an earlier pull");

        var error = await Assert.ThrowsAsync<ImageException>(() => puller.PullAsync($"{registry.Name}/app:1", null, null, default));
        Assert.Equal(ImageError.DiskFull, error.Kind);
        Assert.Contains("full", error.Message, StringComparison.Ordinal);
        foreach (var directory in (string[])["ingest", "work", "layers", "blobs", "images"])
        {
            Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(disk.Path, "images", directory)));
        }

        await puller.PullAsync($"{registry.Name}/app:small", null, null, default);
    }
}
