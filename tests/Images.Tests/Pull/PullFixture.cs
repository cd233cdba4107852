using Crisp.Images.Tests.Builders;
using Crisp.Images.Tests.Registry;
using Xunit;

namespace Crisp.Images.Tests.Pull;

/// <summary>A store, a puller, and a registry that does as it is told.</summary>
internal sealed class PullFixture : IAsyncDisposable
{
    private readonly TestStore _store;

    private PullFixture(FakeRegistry registry, TestStore store, RegistryOptions options)
    {
        Registry = registry;
        _store = store;
        Options = options;
        Puller = new ImagePuller(store.Store, options);
    }

    public FakeRegistry Registry { get; }

    public RegistryOptions Options { get; }

    public ImagePuller Puller { get; private set; }

    public ImageStore Store => _store.Store;

    /// <summary>The registry's requests without what the HTTP flow of every pull has.</summary>
    public IReadOnlyList<string> Requests => [.. Registry.Requests.Select(r => $"{r.Method} {r.Path}")];

    public string[] Layers => _store.Layers;

    public string LayersPath => Path.Combine(_store.Path, "layers");

    public string WorkPath => Path.Combine(_store.Path, "work");

    public string IngestPath => Path.Combine(_store.Path, "ingest");

    /// <summary>Names and lengths of what is half downloaded.</summary>
    public IReadOnlyDictionary<string, long> Ingest
        => new DirectoryInfo(IngestPath).GetFiles().ToDictionary(f => f.Name, f => f.Length, StringComparer.Ordinal);

    public static async Task<PullFixture> StartAsync(RegistryOptions? options = null, ImageStoreOptions? store = null)
    {
        Root.Required();
        return new PullFixture(await FakeRegistry.StartAsync(), new TestStore(store), options ?? RegistryFixture.Options);
    }

    public string Reference(string tag = "1") => $"{Registry.Name}/app:{tag}";

    public Task<ImageRecord> PullAsync(string tag = "1", CancellationToken cancellation = default)
        => Puller.PullAsync(Reference(tag), null, null, cancellation);

    public async Task<ImageException> RefusedAsync(string tag = "1")
        => await Assert.ThrowsAsync<ImageException>(() => PullAsync(tag));

    /// <summary>As after the death of the daemon.</summary>
    public void Restart()
    {
        // A program that another test starts holds every lock for the moment between its fork and its exec.
        Eventually.True(() => Record.Exception(_store.Reopen) is null);
        Puller = new ImagePuller(_store.Store, Options);
    }

    /// <summary>Nothing half-made is left, in files or in memory.</summary>
    public void AssertClean()
    {
        Assert.Empty(Directory.GetFileSystemEntries(WorkPath));
        Assert.Empty(Ingest);
    }

    public async ValueTask DisposeAsync()
    {
        await Registry.DisposeAsync();
        _store.Dispose();
    }
}
