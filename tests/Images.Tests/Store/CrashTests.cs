using Crisp.Images.Tests.Builders;
using Xunit;

namespace Crisp.Images.Tests.Store;

/// <summary>
/// The process dies between two durable steps. What it leaves is a copy of the store's directory at that moment: opening it
/// must show what was committed, and nothing that was not.
/// </summary>
public sealed class CrashTests : IDisposable
{
    private static readonly byte[] _base = new TarBuilder().Directory("d", 0x1C9).File("d/a").ToArray();
    private static readonly byte[] _upper = new TarBuilder().File("d/b").ToArray();
    private readonly TemporaryDirectory _directory = new();

    public CrashTests() => Root.Required();

    public static TheoryData<StoreStep> Steps => [.. Enum.GetValues<StoreStep>()];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task Death_LosesNothingThatWasCommittedAndLeavesNothingHalfMade(StoreStep step)
    {
        var path = _directory.File("images");
        var copies = 0;
        var options = new ImageStoreOptions
        {
            Reached = reached =>
            {
                if (reached == step)
                {
                    Tool.Run("cp", "-a", path, _directory.File($"copy-{Interlocked.Increment(ref copies)}"));
                }
            },
        };
        using (var store = ImageStore.Open(path, options))
        {
            await LiveAsync(store);
        }

        Assert.NotEqual(0, copies);
        for (var i = 1; i <= copies; i++)
        {
            await CheckAsync(_directory.File($"copy-{i}"));
        }
    }

    /// <summary>Every durable step: a first image, one that takes its name, removal.</summary>
    private static async Task LiveAsync(ImageStore store)
    {
        await store.AddAsync(Content.Of("test/kept:1", _base), null, CancellationToken.None);
        await store.AddAsync(Content.Of("test/image:1", _base), null, CancellationToken.None);
        await store.AddAsync(Content.Of("test/image:1", _base, _upper), null, CancellationToken.None);
        store.Remove("test/image:1");
    }

    private static async Task CheckAsync(string path)
    {
        using var store = ImageStore.Open(path);
        Assert.Empty(store.Damaged);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(path, "work")));
        Assert.DoesNotContain(Directory.GetFiles(path, "*.tmp", SearchOption.AllDirectories), _ => true);

        // Every image that is there is whole, and no name belongs to two.
        Assert.All(store.Images, image => Assert.True(TreeView.Of(image).Has("/d/a")));
        var names = store.Images.SelectMany(i => i.RepoTags).ToList();
        Assert.Equal(names.Distinct(), names);

        // A retry of everything succeeds, and the end is the same as without the death.
        await LiveAsync(store);
        Assert.Equal(["docker.io/test/kept:1"], store.Images.SelectMany(i => i.RepoTags));
        store.Images.Where(i => i.RepoTags.Count == 0).ToList().ForEach(i => store.Remove(i.Id));
        Assert.Equal([$"diff-{Digest.Of(_base).Hex}"], Directory.GetDirectories(Path.Combine(path, "layers")).Select(Path.GetFileName));
        Assert.Single(Directory.GetFiles(Path.Combine(path, "blobs")));
    }
}
