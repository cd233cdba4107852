using Crisp.Images.Tests.Builders;
using Crisp.Linux;
using Xunit;

namespace Crisp.Images.Tests.Store;

/// <summary>A store on a filesystem of 4 MiB.</summary>
public sealed class FullDiskTests : IDisposable
{
    private readonly MemoryDirectory? _disk;

    public FullDiskTests()
    {
        Root.Required();
        _disk = new MemoryDirectory("4m");
    }

    private string Path => $"{_disk!.Path}/images";

    public void Dispose() => _disk?.Dispose();

    [Fact]
    public async Task ImageThatDoesNotFit_FailsCleanlyAndThoseThatAreThereStay()
    {
        using var store = ImageStore.Open(Path);
        var small = await AddAsync(store, "test/small:1", 100_000);
        var before = store.MeasureUsage();
        for (var i = 0; i < 5; i++)
        {
            var error = await Assert.ThrowsAsync<LinuxException>(() => AddAsync(store, "test/large:1", 8_000_000));
            Assert.Equal(Errno.ENOSPC, error.Errno);
        }

        Assert.Equal(before.Bytes, store.MeasureUsage().Bytes);
        Assert.Equal(small.Id, Assert.Single(store.Images).Id);
        await AddAsync(store, "test/fits:1", 1_000_000);
    }

    [Fact]
    public async Task LayersOfFailedImages_MakeRoomForTheNext()
    {
        using var store = ImageStore.Open(Path);
        var (good, large) = (Layer("good", 2_500_000), Layer("large", 8_000_000));
        await Assert.ThrowsAsync<LinuxException>(() => store.AddAsync(Content.Of("test/image:1", good, large), null, CancellationToken.None));
        await AddAsync(store, "test/other:1", 2_500_000);
    }

    private static Task<ImageRecord> AddAsync(ImageStore store, string name, int size)
        => store.AddAsync(Content.Of(name, Layer(name.Replace('/', '-'), size)), null, CancellationToken.None);

    private static byte[] Layer(string name, int size) => new TarBuilder().File(name, new string('x', size)).ToArray();
}
