using System.Collections.Concurrent;
using Crisp.Images.Tests.Builders;
using Xunit;

namespace Crisp.Images.Tests.Store;

/// <summary>Many at once, on one store.</summary>
public sealed class ConcurrencyTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private readonly TestStore _store = new(new ImageStoreOptions { Parallelism = 4 });

    public ConcurrencyTests() => Root.Required();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task TheSameLayerForManyImages_IsReadOnce()
    {
        var layer = new TarBuilder().Directory("d").File("d/a", new string('x', 1 << 20)).ToArray();
        var opened = 0;
        var images = Enumerable.Range(0, 20).Select(i => Slow(Content.Of($"test/image:{i}", layer), () => Interlocked.Increment(ref opened)));
        await Task.WhenAll(images.Select(_store.AddAsync)).WaitAsync(_patience);
        Assert.Equal(1, opened);
        Assert.Equal(20, _store.Store.Images.Count);
    }

    [Fact]
    public async Task FailureOfOne_IsNotTheFailureOfThoseWhoWaitForTheSameLayer()
    {
        var layer = new TarBuilder().File("a").ToArray();
        var good = Content.Of("test/good:1", layer);
        var started = new TaskCompletionSource();
        var bad = Content.Of("test/bad:1", layer) with
        {
            Layers = [good.Layers[0] with
            {
                OpenAsync = async _ =>
                {
                    started.SetResult();
                    await Task.Delay(200, CancellationToken.None);
                    throw new IOException("The connection broke.");
                },
            }],
        };
        var failing = _store.AddAsync(bad);
        await started.Task.WaitAsync(_patience);
        var image = await _store.AddAsync(good).WaitAsync(_patience);
        await Assert.ThrowsAsync<IOException>(() => failing);
        Assert.True(TreeView.Of(image).Has("/a"));
    }

    [Fact]
    public async Task LayersThatNeedWhatIsBeneathInDifferentOrders_DoNotWaitForEachOther()
    {
        var d = new TarBuilder().Directory("d", 0x1C9).Directory("e", 0x1CA).ToArray();
        var x = new TarBuilder().File("d/x").File("e/x").ToArray();
        var y = new TarBuilder().File("e/y").File("d/y").ToArray();
        for (var round = 0; round < 20; round++)
        {
            var (first, second) = (Content.Of("test/image:1", d, x, y), Content.Of("test/image:2", d, y, x));
            var images = await Task.WhenAll(_store.AddAsync(first), _store.AddAsync(second), _store.AddAsync(first)).WaitAsync(_patience);
            Assert.All(images, image => Assert.Equal(["/", "/d", "/d/x", "/d/y", "/e", "/e/x", "/e/y"], TreeView.Of(image).Lines.Keys));
            _store.Store.Remove("test/image:1");
            _store.Store.Remove("test/image:2");
            Assert.Empty(_store.Layers);
        }
    }

    [Fact]
    public async Task Cancellation_EndsAnImportAndLeavesNothing()
    {
        using var cancellation = new CancellationTokenSource();
        var layer = new TarBuilder().File("a", new string('x', 1 << 20)).ToArray();
        var content = Content.Of(layer);
        var stalled = content with
        {
            Layers = [content.Layers[0] with
            {
                OpenAsync = async token =>
                {
                    await cancellation.CancelAsync();
                    return await content.Layers[0].OpenAsync(token);
                },
            }],
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _store.Store.AddAsync(stalled, null, cancellation.Token)).WaitAsync(_patience);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_store.Path, "work")));
        Assert.Empty(_store.Layers);
        await _store.AddAsync(content);
    }

    [Fact]
    public async Task ImportsRemovalsAndContainers_NeverMissALayer()
    {
        var layers = Enumerable.Range(0, 4).Select(i => new TarBuilder().Directory("d").File($"d/{i}").ToArray()).ToArray();
        var inUse = new ConcurrentDictionary<string, int>();
        _store.Store.LayersInUse = () => inUse.Where(l => l.Value > 0).Select(l => l.Key);
        using var enough = new CancellationTokenSource(_patience);
        var created = 0;
        var workers = Enumerable.Range(0, 3).SelectMany(i => (Task[])
        [
            Task.Run(async () =>
            {
                while (!enough.IsCancellationRequested)
                {
                    await _store.AddAsync(Content.Of($"test/image:{i}", layers[i], layers[3]));
                    _store.Store.Remove($"test/image:{i}");
                }
            }),
            Task.Run(() =>
            {
                while (!enough.IsCancellationRequested)
                {
                    Create($"test/image:{i}", $"{i}");
                }
            }),
        ]).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(3));

        // On a slow machine none may have found its image between import and removal yet.
        await Eventually.TrueAsync(() => Volatile.Read(ref created) > 0 || workers.Any(w => w.IsFaulted));
        await enough.CancelAsync();
        await Task.WhenAll(workers).WaitAsync(_patience);
        Assert.NotEqual(0, created);
        _store.Store.Collect();
        Assert.Empty(_store.Layers);

        // As CreateContainer does it: a lease until the record names the layers.
        void Create(string name, string file)
        {
            string[] used;
            using (var lease = _store.Store.Acquire(name))
            {
                if (lease is null)
                {
                    return;
                }

                used = [.. lease.Image.Layers];
                Array.ForEach(used, l => inUse.AddOrUpdate(l, 1, (_, n) => n + 1));
            }

            Assert.True(File.Exists(Path.Combine(used[1], "d", file)));
            Assert.True(File.Exists(Path.Combine(used[0], "d", "3")));
            Array.ForEach(used, l => inUse.AddOrUpdate(l, 0, (_, n) => n - 1));
            Interlocked.Increment(ref created);
        }
    }

    private static ImageContent Slow(ImageContent content, Action opened) => content with
    {
        Layers = [.. content.Layers.Select(l => l with
        {
            OpenAsync = async token =>
            {
                opened();
                await Task.Delay(100, token);
                return await l.OpenAsync(token);
            },
        })],
    };
}
