using Xunit;

namespace Crisp.Network.Tests;

public sealed class CniDirectoryTests : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void FirstFileInLexicalOrder_IsTheNetwork()
    {
        Write("20-second.conflist", "second");
        Write("10-first.conf", "first", single: true);
        Write("05-ignored.txt", "ignored");
        Write("30-third.json", "third", single: true);

        var state = new CniDirectory(_temporary.Path).Current;

        Assert.Equal("first", state.Network!.Name);
        Assert.Equal(Path.Combine(_temporary.Path, "10-first.conf"), state.Network.Source);
        Assert.Empty(state.Problem);
    }

    [Fact]
    public void MissingDirectory_IsNoticedWhenItComes()
    {
        var path = _temporary.File("net.d");
        var directory = new CniDirectory(path);
        Assert.Null(directory.Current.Network);
        Assert.Contains($"{path} does not exist", directory.Current.Problem, StringComparison.Ordinal);

        Directory.CreateDirectory(path);
        Assert.Contains($"no CNI configuration in {path}", directory.Current.Problem, StringComparison.Ordinal);

        Write("net.d/10.conflist", "late");
        Assert.Equal("late", directory.Current.Network!.Name);

        Directory.Delete(path, recursive: true);
        Assert.Null(directory.Current.Network);

        Directory.CreateDirectory(path);
        Write("net.d/10.conflist", "again");
        Assert.Equal("again", directory.Current.Network!.Name);
    }

    [Fact]
    public void EveryChange_IsSeenAtOnce()
    {
        var directory = new CniDirectory(_temporary.Path);

        // Names of one length, so that neither size nor, within a tick of the clock, time need tell them apart.
        for (var i = 100; i < 160; i++)
        {
            Write("10.conflist", $"net{i}");
            Assert.Equal($"net{i}", directory.Current.Network!.Name);
        }
    }

    [Fact]
    public void AtomicReplacement_IsSeen()
    {
        var directory = new CniDirectory(_temporary.Path);
        Write("10.conflist", "old");
        Assert.Equal("old", directory.Current.Network!.Name);

        Write("new.tmp", "new");
        File.Move(_temporary.File("new.tmp"), _temporary.File("10.conflist"), overwrite: true);

        Assert.Equal("new", directory.Current.Network!.Name);
    }

    [Fact]
    public void UnchangedDirectory_IsNotReadAgain()
    {
        Write("10.conflist", "net");
        var directory = new CniDirectory(_temporary.Path, new Later());

        var first = directory.Current;

        Assert.Same(first, directory.Current);
    }

    [Fact]
    public void BrokenFile_KeepsWhatItHeldBefore()
    {
        Write("10.conflist", "good");
        Write("20.conflist", "other");
        var directory = new CniDirectory(_temporary.Path);
        Assert.Equal("good", directory.Current.Network!.Name);

        File.WriteAllText(_temporary.File("10.conflist"), "{\"cniVersion\": \"1.0");
        var state = directory.Current;

        Assert.Equal("good", state.Network!.Name);
        Assert.Contains("10.conflist", state.Problem, StringComparison.Ordinal);
        Assert.Contains("still use what it held before", state.Problem, StringComparison.Ordinal);

        File.Delete(_temporary.File("10.conflist"));
        Assert.Equal("other", directory.Current.Network!.Name);
        Assert.Empty(directory.Current.Problem);
    }

    [Fact]
    public void FileThatWasNeverGood_IsPassedOverAndNamed()
    {
        File.WriteAllText(_temporary.File("10.conflist"), "nonsense");
        Write("20.conflist", "other");

        var state = new CniDirectory(_temporary.Path).Current;

        Assert.Equal("other", state.Network!.Name);
        Assert.Contains("10.conflist cannot be used", state.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void FilesThatAreNoFiles_DoNotBlock()
    {
        Root.Required();
        Linux.Files.MknodAt(Linux.FileDescriptor.CurrentDirectory, _temporary.File("10.conflist"), Linux.FileType.Fifo, 0x180);
        Directory.CreateDirectory(_temporary.File("11.conflist"));
        File.CreateSymbolicLink(_temporary.File("12.conflist"), "/dev/zero");
        File.CreateSymbolicLink(_temporary.File("13.conflist"), "nowhere");
        Write("20.conflist", "good");

        var state = new CniDirectory(_temporary.Path).Current;

        Assert.Equal("good", state.Network!.Name);
        foreach (var name in (string[])["10", "11", "12", "13"])
        {
            Assert.Contains($"{name}.conflist", state.Problem, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void LinkedFile_IsFollowed()
    {
        // So does a ConfigMap that is mounted over the directory.
        Write("data-1", "one");
        Write("data-2", "two");
        File.CreateSymbolicLink(_temporary.File("10.conflist"), "data-1");
        var directory = new CniDirectory(_temporary.Path);
        Assert.Equal("one", directory.Current.Network!.Name);

        File.CreateSymbolicLink(_temporary.File("link"), "data-2");
        File.Move(_temporary.File("link"), _temporary.File("10.conflist"), overwrite: true);

        Assert.Equal("two", directory.Current.Network!.Name);
    }

    [Fact]
    public void PluginsBesideTheFile_BelongToIt()
    {
        Directory.CreateDirectory(_temporary.File("net"));
        File.WriteAllText(_temporary.File("net/20-b.conf"), """{"type":"b"}""");
        File.WriteAllText(_temporary.File("net/10-a.conf"), """{"type":"a"}""");
        File.WriteAllText(_temporary.File("10.conflist"), """{"cniVersion":"1.1.0","name":"net","plugins":[{"type":"main"}]}""");
        var directory = new CniDirectory(_temporary.Path);
        Assert.Equal(["main", "a", "b"], directory.Current.Network!.Plugins.Select(p => p.Type));

        File.Delete(_temporary.File("net/10-a.conf"));

        Assert.Equal(["main", "b"], directory.Current.Network!.Plugins.Select(p => p.Type));
    }

    private void Write(string name, string network, bool single = false)
        => File.WriteAllText(_temporary.File(name), single
            ? $$"""{"cniVersion":"0.3.1","name":"{{network}}","type":"bridge"}"""
            : $$"""{"cniVersion":"1.0.0","name":"{{network}}","plugins":[{"type":"bridge"}]}""");

    /// <summary>A clock that is beyond the time in which a file could have changed without a trace.</summary>
    private sealed class Later : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UtcNow.AddSeconds(10);
    }
}
