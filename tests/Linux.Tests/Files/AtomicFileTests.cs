using System.Text;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();
    private readonly string _path;
    private readonly FileDescriptor _directory;

    public AtomicFileTests() => (_path, _directory) = (_temporary.Path, Files.Open(_temporary.Path, OpenFlags.Directory));

    public void Dispose()
    {
        _directory.Dispose();
        _temporary.Dispose();
    }

    [Fact]
    public void Write_ReplacesTheFile_AndWhatALostProcessLeft()
    {
        File.WriteAllText(Path.Combine(_path, "f"), "the old content");
        File.WriteAllText(Path.Combine(_path, ".f"), "the longer half of a content that was never whole");

        AtomicFile.Write(_directory, ".f", "f", Encoding.UTF8.GetBytes("new"), 0x1A4);

        Assert.Equal("new", File.ReadAllText(Path.Combine(_path, "f")));
        Assert.Equal([Path.Combine(_path, "f")], Directory.GetFileSystemEntries(_path));
    }

    [Fact]
    public void Write_FollowsNoLinkAtItsTemporaryName()
    {
        var elsewhere = Path.Combine(_path, "elsewhere");
        File.WriteAllText(elsewhere, "untouched");
        File.CreateSymbolicLink(Path.Combine(_path, ".f"), elsewhere);

        Assert.Equal(Errno.ELOOP, Assert.Throws<LinuxException>(() => AtomicFile.Write(_directory, ".f", "f", "new"u8)).Errno);

        Assert.Equal("untouched", File.ReadAllText(elsewhere));
        Assert.Equal([elsewhere], Directory.GetFileSystemEntries(_path));
    }

    [Fact]
    public void Write_OnAFullDisk_KeepsTheOldContentAndLeavesNoHalf()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "A small tmpfs needs root.");
        Mounts.Mount("tmpfs", _path, "tmpfs", MountFlags.None, "size=16k");
        try
        {
            using var full = Files.Open(_path, OpenFlags.Directory);
            AtomicFile.Write(full, ".f", "f", "old"u8);

            Assert.Equal(Errno.ENOSPC, Assert.Throws<LinuxException>(() => AtomicFile.Write(full, ".f", "f", new byte[64 << 10])).Errno);

            Assert.Equal("old", File.ReadAllText(Path.Combine(_path, "f")));
            Assert.Equal([Path.Combine(_path, "f")], Directory.GetFileSystemEntries(_path));
        }
        finally
        {
            Mounts.Umount2(_path, UnmountFlags.Detach);
        }
    }

    [Fact]
    public void UnlinkIfThere_PassesOverWhatIsGone_AndNothingElse()
    {
        File.WriteAllText(Path.Combine(_path, "f"), "");
        Directory.CreateDirectory(Path.Combine(_path, "d"));

        Files.UnlinkIfThere(_directory, "f");
        Files.UnlinkIfThere(_directory, "f");

        Assert.Equal(Errno.EISDIR, Assert.Throws<LinuxException>(() => Files.UnlinkIfThere(_directory, "d")).Errno);
        Assert.Equal([Path.Combine(_path, "d")], Directory.GetFileSystemEntries(_path));
    }
}
