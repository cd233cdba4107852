using Crisp.Images.Archives;

namespace Crisp.Images.Tests.Builders;

/// <summary>An image store in a directory of its own.</summary>
internal sealed class TestStore : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    internal TestStore(ImageStoreOptions? options = null)
    {
        Options = options ?? new ImageStoreOptions();
        Store = ImageStore.Open(Path, Options);
    }

    internal ImageStoreOptions Options { get; }

    internal ImageStore Store { get; private set; }

    internal string Path => _directory.File("images");

    /// <summary>Beside the store: where nothing of an archive may ever appear.</summary>
    internal string Scratch => _directory.MakeDirectory("scratch");

    internal static TestStore WithLimits(TarLimits limits) => new(new ImageStoreOptions { LayerLimits = limits });

    internal async Task<ImageRecord> AddAsync(params byte[][] layers) => await Store.AddAsync(Content.Of(layers), null, CancellationToken.None);

    internal async Task<ImageRecord> AddAsync(ImageContent content) => await Store.AddAsync(content, null, CancellationToken.None);

    /// <summary>The sentence with which an image is refused; nothing of it is left.</summary>
    internal async Task<string> RefusedAsync(ImageContent content)
    {
        var error = await Xunit.Assert.ThrowsAsync<ImageException>(() => AddAsync(content));
        Xunit.Assert.Empty(Directory.GetFileSystemEntries(System.IO.Path.Combine(Path, "work")));
        return error.Message;
    }

    internal async Task<string> RefusedAsync(params byte[][] layers) => await RefusedAsync(Content.Of(layers));

    internal string[] Layers => [.. Directory.GetDirectories(System.IO.Path.Combine(Path, "layers")).Select(d => System.IO.Path.GetFileName(d)!).Order()];

    internal void Reopen()
    {
        Store.Dispose();
        Store = ImageStore.Open(Path, Options);
    }

    public void Dispose()
    {
        Store.Dispose();
        _directory.Dispose();
    }
}
