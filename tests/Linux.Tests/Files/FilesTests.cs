using Xunit;

namespace Crisp.Linux.Tests;

public sealed class FilesTests : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();
    private readonly FileDescriptor _directory;

    public FilesTests() => _directory = Files.Open(_temporary.Path, OpenFlags.Directory);

    public void Dispose()
    {
        _directory.Dispose();
        _temporary.Dispose();
    }

    [Fact]
    public void Open_MissingFile_NamesCallErrnoAndPath()
    {
        var error = Assert.Throws<LinuxException>(() => Files.OpenAt(_directory, "missing", OpenFlags.ReadOnly));

        Assert.Equal(Errno.ENOENT, error.Errno);
        Assert.Equal("openat missing: ENOENT, no such file or directory", error.Message);
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../../../../../../etc/passwd")]
    [InlineData("absolute")]
    [InlineData("upwards")]
    public void OpenAt2_InRoot_StaysInside(string path)
    {
        Files.MkdirAt(_directory, "etc", 0x1ED);
        using (var inside = Files.OpenAt(_directory, "etc/passwd", OpenFlags.Create | OpenFlags.WriteOnly, 0x180))
        {
            Files.WriteAll(inside, "inside"u8);
        }

        Files.SymlinkAt("/etc/passwd", _directory, "absolute");
        Files.SymlinkAt("../../../../../../../../etc/passwd", _directory, "upwards");

        using var file = Files.OpenAt2(_directory, path, OpenFlags.ReadOnly, ResolveFlags.InRoot);

        Assert.Equal("inside"u8, Files.ReadToEnd(file, 100));
    }

    [Theory]
    [InlineData("absolute")]
    [InlineData("../etc/passwd")]
    public void OpenAt2_Beneath_RefusesToLeave(string path)
    {
        Files.SymlinkAt("/etc/passwd", _directory, "absolute");

        var error = Assert.Throws<LinuxException>(() => Files.OpenAt2(_directory, path, OpenFlags.ReadOnly, ResolveFlags.Beneath));

        Assert.Equal(Errno.EXDEV, error.Errno);
    }

    [Fact]
    public void OpenAt2_MagicLink_IsRefused()
    {
        Files.SymlinkAt("/proc/self/root", _directory, "magic");

        var error = Assert.Throws<LinuxException>(
            () => Files.OpenAt2(_directory, "magic/etc/passwd", OpenFlags.ReadOnly, ResolveFlags.NoMagicLinks));

        Assert.Equal(Errno.ELOOP, error.Errno);
    }

    [Fact]
    public void Names_ThatAreNotUtf8_SurviveTheWayThereAndBack()
    {
        var name = LinuxPath.Decode([0x61, 0xFF, 0xC3, 0xA9, 0x80]);
        Files.MkdirAt(_directory, name, 0x1C0);

        Assert.Equal([name], Files.ReadDirectory(_directory));
        Assert.Equal([0x61, 0xFF, 0xC3, 0xA9, 0x80], LinuxPath.Encode(name));
        Files.RmdirAt(_directory, name);
    }

    [Fact]
    public void EntryTypes_AreToldByFilesystemsThatStoreThem()
    {
        // An empty directory tells nothing, and a directory of this machine's temporary files holds an overlay.
        Assert.Throws<ArgumentException>(() => Files.HasEntryTypes(_directory));
        Files.MkdirAt(_directory, "entry", 0x1C0);
        Assert.True(Files.HasEntryTypes(_directory));
        Files.RmdirAt(_directory, "entry");
    }

    [Fact]
    public void Names_WithNul_AreRefused()
        => Assert.Throws<ArgumentException>(() => Files.OpenAt(_directory, "etc/passwd\0.txt", OpenFlags.ReadOnly));

    [Fact]
    public void ReadToEnd_MoreThanTheLimit_IsEfbig()
    {
        using var file = Files.OpenAt(_directory, "big", OpenFlags.Create | OpenFlags.ReadWrite, 0x180);
        Files.WriteAll(file, new byte[10_001]);
        Files.Seek(file, 0);

        Assert.Equal(Errno.EFBIG, Assert.Throws<LinuxException>(() => Files.ReadToEnd(file, 10_000)).Errno);
        Files.Seek(file, 0);
        Assert.Equal(10_001, Files.ReadToEnd(file, 10_001).Length);
    }

    [Fact]
    public void Status_OfSymlink_IsTheSymlinkItself()
    {
        Files.SymlinkAt("target", _directory, "link");
        Files.Utimens(_directory, "link", new Timestamp(1, 2), new Timestamp(-3, 4));
        using var link = Files.OpenAt(_directory, "link", OpenFlags.Path | OpenFlags.NoFollow);

        var status = Files.Status(link);

        Assert.Equal(FileType.Symlink, status.Type);
        Assert.Equal(new Timestamp(-3, 4), status.Modified);
        Assert.Equal("target", Files.ReadlinkAt(link, string.Empty));
    }

    [Fact]
    public void MknodAt_Device_HasItsNumbers()
    {
        Root.Required();
        Files.MknodAt(_directory, "node", FileType.CharacterDevice, 0x1B6, 1000, 70000);

        var status = Files.StatusAt(_directory, "node");

        Assert.Equal((1000u, 70000u), (status.DeviceMajor, status.DeviceMinor));
    }
}
