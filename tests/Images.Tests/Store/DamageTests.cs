using Crisp.Images.Tests.Builders;
using Xunit;

namespace Crisp.Images.Tests.Store;

/// <summary>What cannot be read is set aside and reported; the rest is served.</summary>
public sealed class DamageTests : IAsyncLifetime
{
    private static readonly byte[] _a = new TarBuilder().File("a").ToArray();
    private static readonly byte[] _b = new TarBuilder().File("b").ToArray();
    private readonly TestStore _store = new();
    private ImageRecord _good = null!;
    private ImageRecord _bad = null!;

    public async ValueTask InitializeAsync()
    {
        Root.Required();
        _good = await _store.AddAsync(Content.Of("test/good:1", _a));
        _bad = await _store.AddAsync(Content.Of("test/bad:1", _b));
        _store.Store.Dispose();
    }

    public ValueTask DisposeAsync()
    {
        _store.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("{\"version\":1}")]
    [InlineData("{\"version\":99,\"id\":\"x\",\"revision\":1,\"layers\":[],\"importedAt\":\"2026-01-01T00:00:00Z\"}")]
    [InlineData("\0\0\0\0")]
    public async Task ImageRecord(string content)
    {
        await File.WriteAllTextAsync(RecordOf(_bad), content);
        await CheckAsync(damaged: 1);
    }

    [Fact]
    public async Task RecordUnderAnotherName()
    {
        File.Copy(RecordOf(_good), RecordOf(_bad), overwrite: true);
        await CheckAsync(damaged: 1);
    }

    [Fact]
    public async Task RecordThatIsADirectory()
    {
        File.Delete(RecordOf(_bad));
        Directory.CreateDirectory(RecordOf(_bad));
        await CheckAsync(damaged: 1);
    }

    [Fact]
    public async Task FileThatIsNoRecord()
    {
        await File.WriteAllTextAsync(Path.Combine(_store.Path, "images", "stray"), "stray");
        File.Delete(RecordOf(_bad));
        await CheckAsync(damaged: 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Config(bool missing)
    {
        var blob = Path.Combine(_store.Path, "blobs", _bad.Id["sha256:".Length..]);
        if (missing)
        {
            File.Delete(blob);
        }
        else
        {
            await File.WriteAllTextAsync(blob, "other content");
        }

        await CheckAsync(damaged: 1);
    }

    [Fact]
    public async Task LayerRecord()
    {
        await File.WriteAllTextAsync(Path.Combine(_bad.Layers[0], "..", "layer.json"), "{");
        await CheckAsync(damaged: 2);
    }

    [Fact]
    public async Task LayerContent()
    {
        Directory.Delete(_bad.Layers[0], recursive: true);
        await CheckAsync(damaged: 2);
    }

    [Fact]
    public async Task LayerThatIsGone()
    {
        Directory.Delete(Path.GetDirectoryName(_bad.Layers[0])!, recursive: true);
        await CheckAsync(damaged: 1);
    }

    private string RecordOf(ImageRecord image) => Path.Combine(_store.Path, "images", $"{image.Id["sha256:".Length..]}.json");

    private async Task CheckAsync(int damaged)
    {
        _store.Reopen();
        Assert.Equal(damaged, _store.Store.Damaged.Count);
        Assert.All(_store.Store.Damaged, d => Assert.True(Path.Exists(d.Path), d.Path));
        Assert.Equal([_good.Id], _store.Store.Images.Select(i => i.Id));
        Assert.True(TreeView.Of(_store.Store.Images[0]).Has("/a"));

        // It can be brought in again, and is then as good as new.
        var again = await _store.AddAsync(Content.Of("test/bad:1", _b));
        Assert.Equal(_bad.Id, again.Id);
        Assert.True(TreeView.Of(again).Has("/b"));
        _store.Reopen();
        Assert.Empty(_store.Store.Damaged);
        Assert.Equal(2, _store.Store.Images.Count);
    }
}
