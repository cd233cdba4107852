using System.Text;
using Crisp.Kvm.Fuse;
using Crisp.Kvm.Tests.Driver;
using Crisp.Linux;
using Xunit;

namespace Crisp.Kvm.Tests.Fuse;

/// <summary>A directory of the test's, exported as "data".</summary>
public abstract class FuseTest : IDisposable
{
    private protected FuseTest()
    {
        Directory.CreateDirectory(Path);
        Exports.Add("data", Open(Path), ExportOptions.Shared);
        Guest = new FuseGuest(Exports);
        Data = Guest.Walk("data").Node;
    }

    private protected string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"crisp-fuse-{Guid.NewGuid():n}");

    private protected ExportTable Exports { get; } = new();

    private protected FuseGuest Guest { get; }

    /// <summary>The export's directory.</summary>
    private protected ulong Data { get; }

    public void Dispose()
    {
        Guest.Dispose();
        Directory.Delete(Path, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected static FileDescriptor Open(string path) => Files.Open(path, OpenFlags.Path);

    private protected string At(string name) => System.IO.Path.Combine(Path, name);

    private protected void WriteFile(string name, string content) => File.WriteAllText(At(name), content);

    private protected static void SkipUnlessRoot() => Assert.SkipUnless(Environment.UserName == "root", "needs root");
}

public sealed class FuseServerTests : FuseTest
{
    private const uint WriteOnly = 1, ReadWrite = 2, Exclusive = 0x80, Truncate = 0x200, Append = 0x400;

    [Fact]
    public void Root_ListsTheExports_AndNothingCanBeMadeInIt()
    {
        Exports.Add("hosts", Open("/etc/hosts"), ExportOptions.Shared with { IsReadOnly = true });

        Assert.Equal(["data", "hosts"], Guest.Names(FuseGuest.Root));
        Assert.Equal((0x416DU, 0), (Guest.Getattr(FuseGuest.Root).Attr!.Mode, Guest.Getattr(FuseGuest.Root).Error));
        Assert.Equal((FuseGuest.ENOENT, FuseGuest.EROFS), (Guest.Lookup(FuseGuest.Root, "none").Error, Guest.Mkdir(FuseGuest.Root, "new").Error));
        Assert.Equal((FuseGuest.EROFS, FuseGuest.EROFS), (Guest.Rmdir(FuseGuest.Root, "data"), Guest.Create(FuseGuest.Root, "new").Error));
        Assert.Equal(FuseGuest.EROFS, Guest.Rename(Data, "a", FuseGuest.Root, "b"));
        Assert.Equal(0x8000U, Guest.Walk("hosts").Attr.Mode & 0xF000);
        // A directory is a filesystem of its own to the guest, a file is not.
        Assert.Equal((1U, 0U), (Guest.Walk("data").Attr.Flags, Guest.Walk("hosts").Attr.Flags));
    }

    [Fact]
    public void Written_IsReadAgain_AndInTheFile()
    {
        var content = Enumerable.Range(0, 300_000).Select(i => (byte)(i * 31)).ToArray();
        var (error, entry, handle) = Guest.Create(Data, "file");
        Assert.Equal(0, error);

        Assert.Equal((0, 300_000U), Guest.Write(entry!.Node, handle, 0, content));
        Assert.Equal(content[100..200], Guest.Read(entry.Node, handle, 100, 100).Data);
        Assert.Equal(content[299_000..], Guest.Read(entry.Node, handle, 299_000, 4096).Data);
        Assert.Empty(Guest.Read(entry.Node, handle, 300_000, 4096).Data);
        Assert.Equal(content, File.ReadAllBytes(At("file")));
        Assert.Equal(0, Guest.Call(FuseGuest.FLUSH, entry.Node, FuseGuest.Bytes(handle, 0U, 0U, 0UL)).Error);
        Assert.Equal(0, Guest.Call(FuseGuest.FSYNC, entry.Node, FuseGuest.Bytes(handle, 1U, 0U)).Error);
        Assert.Equal(0, Guest.Release(entry.Node, handle));
        Assert.Equal(FuseGuest.EBADF, Guest.Read(entry.Node, handle, 0, 1).Error);
        Assert.Equal(0, Guest.Device.Server.Handles);
    }

    [Fact]
    public void Unlinked_StaysWhileItIsKnown()
    {
        var (_, entry, handle) = Guest.Create(Data, "file");
        Guest.Write(entry!.Node, handle, 0, "still here"u8.ToArray());
        Assert.Equal(0, Guest.Unlink(Data, "file"));

        Assert.Equal(0U, Guest.Getattr(entry.Node).Attr!.Links);
        Assert.Equal("still here"u8.ToArray(), Guest.Read(entry.Node, handle, 0, 100).Data);
        Assert.Equal(5UL, Guest.Setattr(entry.Node, 8, size: 5).Attr!.Size);
        Assert.Equal(0UL, Guest.Lookup(Data, "file").Entry!.Node);

        Guest.Release(entry.Node, handle);
        Guest.Forget(entry.Node, 1);
        Assert.Equal(FuseGuest.ESTALE, Guest.Getattr(entry.Node).Error);
    }

    [Fact]
    public void NamesOfOneFile_AreOneNode()
    {
        WriteFile("one", "content");
        var one = Guest.Walk("data", "one");
        var (error, two) = Guest.Link(one.Node, Data, "two");

        Assert.Equal((0, one.Node, 2U), (error, two!.Node, two.Attr.Links));
        Assert.Equal(one.Node, Guest.Lookup(Data, "one").Entry!.Node);
        Assert.Equal(0, Guest.Rename(Data, "two", Data, "three"));
        Assert.Equal(one.Node, Guest.Lookup(Data, "three").Entry!.Node);
        Assert.Equal(one.Attr.Inode, Guest.Lookup(Data, "three").Entry!.Attr.Inode);
    }

    [Fact]
    public void Lookups_AreCounted_AndForgottenOnlyOnce()
    {
        WriteFile("file", "");
        var before = Guest.Device.Server.Inodes;
        var node = Guest.Walk("data", "file").Node;
        Guest.Lookup(Data, "file");

        Guest.Forget(node, 1);
        Assert.Equal(0, Guest.Getattr(node).Error);
        // More than there were, twice: the count does not go below nothing.
        Guest.Forget(node, ulong.MaxValue);
        Guest.Forget(node, 1);
        Guest.Forget(FuseGuest.Root, 5);
        Guest.Forget(ulong.MaxValue, 1);

        Assert.Equal(FuseGuest.ESTALE, Guest.Getattr(node).Error);
        // The export was looked up by this test once more.
        Assert.Equal(before, Guest.Device.Server.Inodes);
        Assert.NotEqual(node, Guest.Walk("data", "file").Node);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../etc")]
    [InlineData("/etc")]
    [InlineData("a/b")]
    public void NamesThatAreNoEntries_AreRefused(string name)
    {
        Directory.CreateDirectory(At("a/b"));

        Assert.Equal(FuseGuest.EINVAL, Guest.Lookup(Data, name).Error);
        Assert.Equal(FuseGuest.EINVAL, Guest.Lookup(FuseGuest.Root, name).Error);
        Assert.Equal(FuseGuest.EINVAL, Guest.Mkdir(Data, name).Error);
        Assert.Equal(FuseGuest.EINVAL, Guest.Create(Data, name).Error);
        Assert.Equal(FuseGuest.EINVAL, Guest.Symlink(Data, name, "x").Error);
        Assert.Equal(FuseGuest.EINVAL, Guest.Mknod(Data, name, 0x81A4).Error);
        Assert.Equal(FuseGuest.EINVAL, Guest.Link(Data, Data, name).Error);
        Assert.Equal(FuseGuest.EINVAL, Guest.Unlink(Data, name));
        Assert.Equal(FuseGuest.EINVAL, Guest.Rmdir(Data, name));
        Assert.Equal(FuseGuest.EINVAL, Guest.Rename(Data, name, Data, "x"));
        Assert.Equal(FuseGuest.EINVAL, Guest.Rename(Data, "a", Data, name));
    }

    [Fact]
    public void SymlinksLeadNowhere_ForTheServer()
    {
        // CVE-2026-47243: a guest's symlinks led its file server out of the shared directory.
        File.CreateSymbolicLink(At("out"), "/etc");
        var (error, entry) = Guest.Lookup(Data, "out");

        Assert.Equal((0, 0xA000U), (error, entry!.Attr.Mode & 0xF000));
        Assert.Equal((0, "/etc"), Guest.Readlink(entry.Node));
        Assert.Equal(FuseGuest.ENOTDIR, Guest.Lookup(entry.Node, "passwd").Error);
        Assert.Equal(FuseGuest.ENXIO, Guest.Open(entry.Node).Error);
        Assert.Equal(FuseGuest.ENOTDIR, Guest.Opendir(entry.Node).Error);
        Assert.Equal(FuseGuest.ENXIO, Guest.Setattr(entry.Node, 8, size: 0).Error);
        Assert.Equal(FuseGuest.EOPNOTSUPP, Guest.Setattr(entry.Node, 1, mode: 0x1FF).Error);
        Assert.Equal(FuseGuest.ENXIO, Guest.Create(Data, "out").Error);
        Assert.Equal(FuseGuest.EEXIST, Guest.Create(Data, "out", ReadWrite | Exclusive).Error);
    }

    [Theory]
    [InlineData(0x1000U, 0U)]
    [InlineData(0x2000U, 0x103U)]
    [InlineData(0xC000U, 0U)]
    public void WhatIsNoFile_IsMade_AndNeverOpened(uint type, uint device)
    {
        SkipUnlessRoot();
        var (error, entry) = Guest.Mknod(Data, "node", type | 0x1B6, device);

        Assert.Equal((0, type | 0x1B6, device), (error, entry!.Attr.Mode, entry.Attr.Device));
        Assert.Equal(FuseGuest.ENXIO, Guest.Open(entry.Node, ReadWrite).Error);
        Assert.Equal(FuseGuest.ENXIO, Guest.Create(Data, "node").Error);
        Assert.Equal(FuseGuest.ENXIO, Guest.Setattr(entry.Node, 8, size: 0).Error);
        Assert.Equal(FuseGuest.ENXIO, Guest.Call(FuseGuest.SYNCFS, entry.Node, FuseGuest.Bytes(0UL)).Error);
        Assert.Equal(0, Guest.Device.Server.Handles);
    }

    [Fact]
    public void ReadOnlyExport_StaysSo_WhateverTheGuestThinks()
    {
        WriteFile("file", "content");
        Directory.CreateDirectory(At("sub"));
        Exports.Add("ro", Open(Path), ExportOptions.Shared with { IsReadOnly = true });
        var root = Guest.Walk("ro").Node;
        var file = Guest.Walk("ro", "file").Node;
        var (error, handle) = Guest.Open(file);
        Assert.Equal((0, "content"), (error, Encoding.ASCII.GetString(Guest.Read(file, handle, 0, 100).Data)));

        Assert.Equal([FuseGuest.EROFS], new[]
        {
            Guest.Open(file, WriteOnly).Error, Guest.Open(file, ReadWrite).Error, Guest.Open(file, Truncate).Error, Guest.Create(root, "file").Error,
            Guest.Create(root, "new").Error, Guest.Mkdir(root, "new").Error, Guest.Mknod(root, "new", 0x81A4).Error, Guest.Symlink(root, "new", "x").Error,
            Guest.Link(file, root, "new").Error, Guest.Unlink(root, "file"), Guest.Rmdir(root, "sub"), Guest.Rename(root, "file", root, "new"),
            Guest.Rename(Data, "file", root, "new"), Guest.Link(file, Data, "new").Error, Guest.Setattr(file, 1, mode: 0).Error,
            Guest.Setattr(file, 8, size: 0).Error, Guest.Setattr(file, 0x48, handle, size: 0).Error, Guest.Call(FuseGuest.TMPFILE, root, FuseGuest.Bytes(2U, 0x8180U, 0U, 0U)).Error,
            Guest.Call(FuseGuest.SETXATTR, file, FuseGuest.Bytes(1U, 0U, "user.a", "1"u8.ToArray())).Error,
            Guest.Call(FuseGuest.REMOVEXATTR, file, FuseGuest.Bytes("user.a")).Error,
        }.Distinct());
        Assert.Equal(FuseGuest.EBADF, Guest.Write(file, handle, 0, [1]).Error);
        Assert.Equal(FuseGuest.EBADF, Guest.Call(FuseGuest.FALLOCATE, file, FuseGuest.Bytes(handle, 0UL, 100UL, 0U, 0U)).Error);
        Assert.Equal("content", File.ReadAllText(At("file")));
        Assert.Equal(["file", "sub"], Directory.GetFileSystemEntries(Path).Select(System.IO.Path.GetFileName).Order());
    }

    [Fact]
    public void RemovedExport_ClosesWhatWasOpen_AndOthersGoOn()
    {
        var other = At("other");
        Directory.CreateDirectory(other);
        File.WriteAllText(System.IO.Path.Combine(other, "file"), "x");
        Exports.Add("gone", Open(other), ExportOptions.Shared);
        var root = Guest.Walk("gone").Node;
        var file = Guest.Walk("gone", "file").Node;
        var handle = Guest.Open(file).Handle;
        var directory = Guest.Opendir(root).Handle;
        Assert.Equal(5, OpenBeneath(other));

        Assert.True(Exports.Remove("gone"));

        Assert.Equal(0, OpenBeneath(other));
        Assert.Equal(FuseGuest.ESTALE, Guest.Getattr(root).Error);
        Assert.Equal(FuseGuest.ESTALE, Guest.Lookup(root, "file").Error);
        Assert.Equal(FuseGuest.ESTALE, Guest.Read(file, handle, 0, 10).Error);
        Assert.Equal(FuseGuest.ESTALE, Guest.Readdir(root, directory, 0).Error);
        Assert.Equal(FuseGuest.ENOENT, Guest.Lookup(FuseGuest.Root, "gone").Error);
        Assert.Equal((0, 0), (Guest.Release(file, handle), Guest.Release(root, directory, isDirectory: true)));
        Assert.Equal(["other"], Guest.Names(Data));
        Assert.False(Exports.Remove("gone"));

        int OpenBeneath(string path) => Directory.GetFileSystemEntries("/proc/self/fd").Count(f => Target(f).StartsWith(path, StringComparison.Ordinal));
    }

    [Fact]
    public void Append_GoesBehindTheEnd_WhereverThatIs()
    {
        WriteFile("file", "one");
        var node = Guest.Walk("data", "file").Node;
        var handle = Guest.Open(node, WriteOnly | Append).Handle;
        File.AppendAllText(At("file"), "two");

        // The guest's idea of the end is old.
        Assert.Equal((0, 5U), Guest.Write(node, handle, 3, "three"u8.ToArray(), flags: WriteOnly | Append));
        Assert.Equal("onetwothree", File.ReadAllText(At("file")));
        // A page that was written through a mapping: it has its place, although the handle appends.
        Assert.Equal((0, 3U), Guest.Write(node, handle, 0, "ONE"u8.ToArray(), writeFlags: 1, flags: WriteOnly | Append));
        Assert.Equal("ONEtwothree", File.ReadAllText(At("file")));
    }

    [Fact]
    public void Truncate_OfOpening_AndOfAttributes()
    {
        WriteFile("file", "content");
        var node = Guest.Walk("data", "file").Node;
        Assert.Equal(3UL, Guest.Setattr(node, 8, size: 3).Attr!.Size);
        Assert.Equal(1_000_000UL, Guest.Setattr(node, 8, size: 1_000_000).Attr!.Size);

        var handle = Guest.Open(node, ReadWrite | Truncate).Handle;
        Assert.Equal(0, new FileInfo(At("file")).Length);
        Assert.Equal(7UL, Guest.Setattr(node, 0x48, handle, size: 7).Attr!.Size);
        Assert.Equal(27, Guest.Setattr(node, 8, size: ulong.MaxValue).Error);
    }

    [Fact]
    public void Times_AreSetToValues_ToNow_OrLeft()
    {
        WriteFile("file", "");
        var node = Guest.Walk("data", "file").Node;

        var attr = Guest.Setattr(node, 0x30, atime: -5, mtime: 1_000_000_000, mtimeNanoseconds: 123_456_789).Attr!;
        Assert.Equal((1_000_000_000, 123_456_789U), (attr.Modified, attr.ModifiedNanoseconds));
        Assert.Equal(-5, Files.Status(OpenForTest("file")).Accessed.Seconds);

        attr = Guest.Setattr(node, 0x20 | 0x100 | 0x10, atime: 77).Attr!;
        Assert.InRange(attr.Modified, DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 100, long.MaxValue);
        Assert.Equal(77, Files.Status(OpenForTest("file")).Accessed.Seconds);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void LargeDirectory_ComesInPieces_EachEntryOnce(bool isPlus)
    {
        var names = Enumerable.Range(0, 500).Select(i => $"{i}-{new string('n', i % 200)}").ToList();
        names.ForEach(n => WriteFile(n, ""));
        var handle = Guest.Opendir(Data).Handle;
        var seen = new List<FuseDirent>();
        for (var offset = 0UL; ;)
        {
            var (error, entries) = Guest.Readdir(Data, handle, offset, isPlus: isPlus);
            Assert.Equal(0, error);
            if (entries.Count == 0)
            {
                break;
            }

            seen.AddRange(entries);
            offset = entries[^1].Offset;
        }

        Assert.Equal(names.Concat([".", ".."]).Order(StringComparer.Ordinal), seen.Select(e => e.Name).Order(StringComparer.Ordinal));
        if (isPlus)
        {
            Assert.All(seen, e => Assert.Equal(e.Name is "." or "..", e.Entry!.Node == 0));
            var one = seen.First(e => e.Entry!.Node != 0);
            Assert.Equal(one.Entry!.Node, Guest.Lookup(Data, one.Name).Entry!.Node);
            Assert.Equal(one.Inode, one.Entry.Attr.Inode);
            Guest.Forget(one.Entry.Node, 2);
            Assert.Equal(FuseGuest.ESTALE, Guest.Getattr(one.Entry.Node).Error);
        }

        // From the middle again, as after seekdir.
        var (_, again) = Guest.Readdir(Data, handle, seen[9].Offset);
        Assert.Equal(seen[10].Name, again[0].Name);
    }

    [Fact]
    public void CachingOfAnExport_IsItsOwn()
    {
        WriteFile("file", "");
        Exports.Add("private", Open(Path), ExportOptions.Exclusive);

        var shared = Guest.Walk("data", "file");
        var exclusive = Guest.Walk("private", "file");
        Assert.Equal((0UL, 500_000_000U), (shared.SecondsValid, shared.NanosecondsValid));
        Assert.Equal((3600UL, 0U), (exclusive.SecondsValid, exclusive.NanosecondsValid));
        Assert.NotEqual(shared.Node, exclusive.Node);
        // A name that does not exist is an entry without a node.
        var (error, none) = Guest.Lookup(Data, "none");
        Assert.Equal((0, 0UL, 500_000_000U), (error, none!.Node, none.NanosecondsValid));
        Assert.Equal(FuseGuest.EXDEV, Guest.Rename(Data, "file", Guest.Walk("private").Node, "x"));
        Assert.Equal(FuseGuest.EXDEV, Guest.Link(shared.Node, Guest.Walk("private").Node, "x").Error);
    }

    private FileDescriptor OpenForTest(string name) => Files.Open(At(name), OpenFlags.Path);

    private static string Target(string link)
    {
        try
        {
            return File.ResolveLinkTarget(link, returnFinalTarget: false)?.FullName ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }
}
