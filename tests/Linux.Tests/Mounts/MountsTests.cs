using Crisp.Linux.Plans;
using Crisp.Linux.Tests.Plans;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class MountsTests : IDisposable
{
    private static readonly FileDescriptor s_cwd = FileDescriptor.CurrentDirectory;
    private readonly TemporaryDirectory _temporary = new();

    public MountsTests() => Root.Required();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void FsMount_IsUsableBeforeItIsAttached()
    {
        using var mount = Tmpfs(MountAttributes.NoExec);
        Files.MkdirAt(mount, "directory", 0x1ED);

        Assert.Equal(FilesystemStatus.TmpfsMagic, Files.Statfs(mount).Type);
        Assert.Equal(1UL << 20, Files.Statfs(mount).Blocks * (ulong)Files.Statfs(mount).BlockSize);
        Assert.True(Files.Status(mount).IsMountRoot);
        Assert.DoesNotContain($"\n{Files.Status(mount).MountId} ", "\n" + File.ReadAllText("/proc/self/mountinfo"));
    }

    [Fact]
    public void FsConfig_ThatTheFilesystemRefuses_QuotesItsReason()
    {
        using var context = Mounts.FsOpen("tmpfs");

        var error = Assert.Throws<LinuxException>(() => Mounts.FsConfigString(context, "size", "many"));

        Assert.Matches(@"^fsconfig size=many \(e tmpfs: .*size.*\): EINVAL, invalid argument$", error.Message);
    }

    [Fact]
    public void FsConfigFlag_Unknown_QuotesTheReason()
    {
        using var context = Mounts.FsOpen("overlay");

        var error = Assert.Throws<LinuxException>(() => Mounts.FsConfigFlag(context, "nonsense"));

        Assert.Equal("fsconfig nonsense (e overlay: Unknown parameter 'nonsense'): EINVAL, invalid argument", error.Message);
    }

    [Fact]
    public void FsOpen_OfWhatIsNoFilesystem_SaysSo()
        => Assert.Equal("fsopen nofs: ENODEV, no such device", Assert.Throws<LinuxException>(() => Mounts.FsOpen("nofs")).Message);

    [Fact]
    public void FsMount_BeforeCreate_SaysSo()
    {
        using var context = Mounts.FsOpen("tmpfs");

        Assert.Equal("fsmount: EINVAL, invalid argument", Assert.Throws<LinuxException>(() => Mounts.FsMount(context)).Message);
    }

    [Fact]
    public void OpenTree_Missing_NamesThePath()
        => Assert.Equal(
            "open_tree /missing: ENOENT, no such file or directory",
            Assert.Throws<LinuxException>(() => Mounts.OpenTree(s_cwd, "/missing", OpenTreeFlags.Clone)).Message);

    [Fact]
    public void CloneDirectory_LeadsNowhereElse()
    {
        var inside = Directory.CreateDirectory(_temporary.File("inside")).FullName;
        File.WriteAllText(Path.Combine(inside, "file"), "");
        using var clone = Mounts.CloneDirectory(s_cwd, inside);
        using var above = Files.OpenAt(clone, "../../..", OpenFlags.Path | OpenFlags.Directory);
        using var whole = Files.Open(inside, OpenFlags.Directory);
        using var again = Mounts.CloneDirectory(whole, "");

        Assert.Equal(Files.Status(clone), Files.Status(above));
        Assert.Equal(Files.Status(clone).Inode, Files.Status(again).Inode);
        Assert.True(CanMakeDirectory(clone, "made"));
        Assert.True(Directory.Exists(Path.Combine(inside, "made")));
        Assert.Equal(Errno.ENOTDIR, Assert.Throws<LinuxException>(() => Mounts.CloneDirectory(s_cwd, Path.Combine(inside, "file"))).Errno);
    }

    [Fact]
    public void MountSetAttr_ReadOnlyClone_LeavesTheOriginalWritable()
        => OwnThread.RunInMountNamespace(() =>
        {
            // Before Linux 6.15 only what is attached can be cloned.
            Attach(Tmpfs(), _temporary.Path);
            using var clone = Mounts.OpenTree(s_cwd, _temporary.Path, OpenTreeFlags.Clone);
            Mounts.MountSetAttr(clone, MountAttributes.ReadOnly);

            Assert.False(CanMakeDirectory(clone, "refused"));
            Directory.CreateDirectory(_temporary.File("seen"));
            Assert.Equal(FileType.Directory, Files.StatusAt(clone, "seen").Type);
            Mounts.MountSetAttr(clone, MountAttributes.None, clear: MountAttributes.ReadOnly);
            Assert.True(CanMakeDirectory(clone, "allowed again"));
            Mounts.Umount2(_temporary.Path, UnmountFlags.Detach);
        });

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void MountSetAttr_OnATree_ReachesWhatIsBelowOnlyWhenRecursive(bool recursive, bool writableBelow)
        => OwnThread.RunInMountNamespace(() =>
        {
            Attach(Tmpfs(), _temporary.Path);
            Directory.CreateDirectory(_temporary.File("below"));
            Attach(Tmpfs(), _temporary.File("below"));
            using var tree = Mounts.OpenTree(s_cwd, _temporary.Path, OpenTreeFlags.Clone | OpenTreeFlags.Recursive);

            Mounts.MountSetAttr(tree, MountAttributes.ReadOnly, recursive: recursive);

            Assert.False(CanMakeDirectory(tree, "top"));
            Assert.Equal(writableBelow, CanMakeDirectory(tree, "below/x"));
            Mounts.Umount2(_temporary.Path, UnmountFlags.Detach);
        });

    [Fact]
    public void MountSetAttr_NoExec_RunsNothing()
    {
        using var mount = Tmpfs(MountAttributes.NoExec);
        using (var program = Files.OpenAt(mount, "sh", OpenFlags.Create | OpenFlags.WriteOnly, 0x1ED))
        {
            Files.WriteAll(program, File.ReadAllBytes("/bin/sh"));
        }

        var error = PlanRunner.Fails(b =>
        {
            b.Fchdir(b.Descriptor("mount", mount));
            b.Execve("./sh", ["sh"], []);
        });

        Assert.Equal("execve ./sh: EACCES, permission denied", error.Message);
    }

    [Fact]
    public void MountSetAttr_IdMap_ShiftsOwnersBothWays()
    {
        using var userNamespace = UserNamespace("0 100000 1000");
        using var original = Files.Open(_temporary.Path, OpenFlags.Directory);
        Files.MkdirAt(original, "root's", 0x1FF);
        Files.MkdirAt(original, "nobody's", 0x1FF);
        Files.ChownAt(original, "nobody's", 65534, 65534);
        using var clone = Mounts.OpenTree(original, string.Empty, OpenTreeFlags.Clone | OpenTreeFlags.EmptyPath);

        Mounts.MountSetAttr(clone, MountAttributes.IdMap, userNamespace: userNamespace);

        Assert.Equal(100_000u, Files.StatusAt(clone, "root's").Uid);

        // What is not mapped is nobody's, and cannot be changed.
        Assert.Equal(65534u, Files.StatusAt(clone, "nobody's").Uid);
        Assert.Equal(Errno.EOVERFLOW, Assert.Throws<LinuxException>(() => Files.MkdirAt(clone, "new", 0x1C0)).Errno);
        Files.ChownAt(clone, "root's", 100_005, 100_006);
        Assert.Equal((5u, 6u), (Files.StatusAt(original, "root's").Uid, Files.StatusAt(original, "root's").Gid));
    }

    [Fact]
    public void MountSetAttr_IdMapTwice_IsRefused()
    {
        using var userNamespace = UserNamespace("0 100000 1000");
        using var clone = Mounts.OpenTree(s_cwd, _temporary.Path, OpenTreeFlags.Clone);
        Mounts.MountSetAttr(clone, MountAttributes.IdMap, userNamespace: userNamespace);

        Assert.Equal(
            Errno.EPERM,
            Assert.Throws<LinuxException>(() => Mounts.MountSetAttr(clone, MountAttributes.IdMap, userNamespace: userNamespace)).Errno);
    }

    [Fact]
    public void MountSetAttr_Propagation_IsInMountinfo()
        => OwnThread.RunInMountNamespace(() =>
        {
            Attach(Tmpfs(), _temporary.Path);
            using var mount = Files.Open(_temporary.Path, OpenFlags.Path);
            Assert.DoesNotContain("shared:", MountinfoLine());

            Mounts.MountSetAttr(mount, MountAttributes.None, propagation: MountFlags.Shared);

            Assert.Contains("shared:", MountinfoLine());
            Mounts.Umount2(_temporary.Path, UnmountFlags.Detach);
        });

    [Fact]
    public void MoveMount_TargetMissing_NamesIt()
    {
        using var mount = Tmpfs();

        var error = Assert.Throws<LinuxException>(() => Mounts.MoveMount(mount, string.Empty, s_cwd, "/missing", MoveMountFlags.FromEmptyPath));

        Assert.Equal("move_mount /missing: ENOENT, no such file or directory", error.Message);
    }

    [Fact]
    public void Umount2_WhatIsNoMount_NamesIt()
    {
        var error = Assert.Throws<LinuxException>(() => Mounts.Umount2(_temporary.Path));

        Assert.Equal($"umount2 {_temporary.Path}: EINVAL, invalid argument", error.Message);
    }

    [Fact]
    public void Mount_Bind_ShowsTheSameFiles()
        => OwnThread.RunInMountNamespace(() =>
        {
            Directory.CreateDirectory(_temporary.File("from/inside"));
            Directory.CreateDirectory(_temporary.File("to"));

            Mounts.Mount(_temporary.File("from"), _temporary.File("to"), null, MountFlags.Bind);

            Assert.True(Directory.Exists(_temporary.File("to/inside")));
            Mounts.Umount2(_temporary.File("to"), UnmountFlags.Detach);
            Assert.False(Directory.Exists(_temporary.File("to/inside")));
        });

    private static FileDescriptor Tmpfs(MountAttributes attributes = MountAttributes.None)
    {
        using var context = Mounts.FsOpen("tmpfs");
        Mounts.FsConfigString(context, "size", "1m");
        Mounts.FsConfigCreate(context);
        return Mounts.FsMount(context, attributes);
    }

    private static void Attach(FileDescriptor mount, string target)
    {
        using (mount)
        {
            Mounts.MoveMount(mount, string.Empty, s_cwd, target, MoveMountFlags.FromEmptyPath);
        }
    }

    private static bool CanMakeDirectory(FileDescriptor directory, string path)
    {
        try
        {
            Files.MkdirAt(directory, path, 0x1ED);
            return true;
        }
        catch (LinuxException e) when (e.Errno == Errno.EROFS)
        {
            return false;
        }
    }

    private string MountinfoLine() => File.ReadAllLines("/proc/thread-self/mountinfo").Last(l => l.Contains($" {_temporary.Path} "));

    /// <summary>A user namespace with these id maps, which lives as long as the descriptor.</summary>
    private static FileDescriptor UserNamespace(string map)
    {
        var builder = new PlanBuilder();
        builder.Stop("maps", PlanRunner.Deadline);
        using var plan = builder.Shell("exit").Build();
        using var process = PlanLauncher.Launch(plan, NamespaceFlags.User);
        process.Run(PlanRunner.Deadline);
        File.WriteAllText($"/proc/{process.Pid}/uid_map", map);
        File.WriteAllText($"/proc/{process.Pid}/gid_map", map);
        return Files.Open($"/proc/{process.Pid}/ns/user", OpenFlags.ReadOnly);
    }
}
