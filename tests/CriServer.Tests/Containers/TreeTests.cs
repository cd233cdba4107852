using Crisp.CriServer.Containers;
using Crisp.Linux;
using Xunit;

namespace Crisp.CriServer.Tests.Containers;

public sealed class TreeTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Remove_TakesATreeDeeperThanStackAndDescriptorsReach()
    {
        var top = Directory.CreateDirectory(_directory.Combine("deep")).FullName;
        var current = Files.Open(top, OpenFlags.Directory);
        for (var depth = 0; depth < 5000; depth++)
        {
            Files.MkdirAt(current, "d", 0x1C0);
            var next = Files.OpenAt(current, "d", OpenFlags.Directory);
            current.Dispose();
            current = next;
        }

        current.Dispose();
        TreeRemoval.Remove(top);
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void Remove_FollowsNoSymlinkAndMindsNoName()
    {
        var outside = Directory.CreateDirectory(_directory.Combine("outside")).FullName;
        File.WriteAllText(Path.Combine(outside, "precious"), "");
        var top = Directory.CreateDirectory(_directory.Combine("tree")).FullName;
        File.CreateSymbolicLink(Path.Combine(top, "link"), outside);
        using (var directory = Files.Open(top, OpenFlags.Directory))
        {
            Files.MkdirAt(directory, LinuxPath.Decode([0xff, 0xfe]), 0);
            Files.MknodAt(directory, "pipe", FileType.Fifo, 0x180);
            Files.MkdirAt(directory, new string('n', 255), 0x1C0);
            using var inner = Files.OpenAt(directory, new string('n', 255), OpenFlags.Directory);
            Files.MkdirAt(inner, "x", 0x1C0);
            using var more = Files.OpenAt(inner, "x", OpenFlags.Directory);
            Files.MkdirAt(more, "y", 0x1C0);
        }

        TreeRemoval.Remove(top);
        Assert.False(Directory.Exists(top));
        Assert.True(File.Exists(Path.Combine(outside, "precious")));
    }

    [Fact]
    public void Remove_OfWhatIsMissingIsSuccess()
    {
        TreeRemoval.Remove(_directory.Combine("no"));
        TreeRemoval.Remove(_directory.Combine("no/such/thing"));
    }

    [Fact]
    public void Copy_StaysInTheRootfsAndKeepsWhatItCopies()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Owners need root.");
        var root = Directory.CreateDirectory(_directory.Combine("root")).FullName;
        Directory.CreateDirectory(Path.Combine(root, "etc"));
        File.WriteAllText(Path.Combine(root, "etc/inside"), "image");
        File.CreateSymbolicLink(Path.Combine(root, "data"), "../../../../../../etc");
        using (var etc = Files.Open(Path.Combine(root, "etc"), OpenFlags.Directory))
        {
            Files.ChownAt(etc, "inside", 1000, 2000);
            File.SetUnixFileMode(Path.Combine(root, "etc/inside"), (UnixFileMode)0x9ED);
            Files.SymlinkAt("/etc/passwd", etc, "link");
        }

        using var rootfs = Files.Open(root, OpenFlags.Directory);
        var target = Directory.CreateDirectory(_directory.Combine("volume")).FullName;
        TreeCopy.Copy(rootfs, "/data", target);
        Assert.Equal(["inside", "link"], Directory.GetFileSystemEntries(target).Select(Path.GetFileName).Order());
        var status = Files.StatusAt(FileDescriptor.CurrentDirectory, Path.Combine(target, "inside"));
        Assert.Equal((1000U, 2000U, 0x9EDU), (status.Uid, status.Gid, status.Permissions));
        Assert.Equal("/etc/passwd", new FileInfo(Path.Combine(target, "link")).LinkTarget);
    }

    [Theory]
    [InlineData("/missing")]
    [InlineData("/file")]
    [InlineData("/loop")]
    [InlineData("/magic")]
    public void Copy_OfNoDirectoryCopiesNothing(string path)
    {
        var root = Directory.CreateDirectory(_directory.Combine("root")).FullName;
        File.WriteAllText(Path.Combine(root, "file"), "");
        File.CreateSymbolicLink(Path.Combine(root, "loop"), "/loop");
        File.CreateSymbolicLink(Path.Combine(root, "magic"), "/proc/self/root/etc");
        using var rootfs = Files.Open(root, OpenFlags.Directory);
        var target = Directory.CreateDirectory(_directory.Combine("volume")).FullName;
        TreeCopy.Copy(rootfs, path, target);
        Assert.Empty(Directory.GetFileSystemEntries(target));
    }
}
