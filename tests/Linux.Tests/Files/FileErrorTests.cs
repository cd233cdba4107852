using Xunit;

namespace Crisp.Linux.Tests;

/// <summary>Errors of calls that take a descriptor name the file it is open on.</summary>
public sealed class FileErrorTests : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();
    private readonly FileDescriptor _directory;
    private readonly FileDescriptor _file;

    public FileErrorTests()
    {
        _directory = Files.Open(_temporary.Path, OpenFlags.Directory);
        _file = Files.OpenAt(_directory, "file", OpenFlags.Create, 0x180);
    }

    /// <summary>A call on the directory, on a file open for reading or on a pipe, and how its message begins; {0} is the path.</summary>
    public static TheoryData<string> Calls => [.. s_calls.Keys];

    private static readonly Dictionary<string, Action<FileErrorTests>> s_calls = new()
    {
        ["write {0}/file: EBADF"] = t => Files.Write(t._file, "x"u8),
        ["read {0}: EISDIR"] = t => Files.Read(t._directory, new byte[1]),
        ["pread {0}: EISDIR"] = t => Files.ReadAt(t._directory, new byte[1], 0),
        ["ftruncate {0}/file: EINVAL"] = t => Files.Truncate(t._file, 1),
        ["lseek {0}/file: EINVAL"] = t => Files.Seek(t._file, -1),
        ["getdents64 {0}/file: ENOTDIR"] = t => Files.ReadDirectory(t._file),
        ["fsetxattr {0}/file (odd.name): ENOTSUP"] = t => Files.SetXattr(t._file, "odd.name", "x"u8),
        ["lsetxattr file (odd.name): ENOTSUP"] = t => Files.SetXattrAt(t._directory, "file", "odd.name", "x"u8),
        ["fgetxattr {0}/file (odd.name): ENOTSUP"] = t => Files.GetXattr(t._file, "odd.name"),
        ["fchownat missing: ENOENT"] = t => Files.ChownAt(t._directory, "missing", 1, 1),
        ["utimensat missing: ENOENT"] = t => Files.Utimens(t._directory, "missing", Timestamp.Now, Timestamp.Now),
        ["readlinkat {0}/file: ENOENT"] = t => Files.ReadlinkAt(t._file, string.Empty),
        ["readlinkat file: EINVAL"] = t => Files.ReadlinkAt(t._directory, "file"),
        ["statx missing: ENOENT"] = t => Files.StatusAt(t._directory, "missing"),
        ["mkdirat file: EEXIST"] = t => Files.MkdirAt(t._directory, "file", 0x1C0),
        ["symlinkat file: EEXIST"] = t => Files.SymlinkAt("target", t._directory, "file"),
        ["linkat file: EEXIST"] = t => Files.LinkAt(t._directory, "file", t._directory, "file"),
        ["unlinkat missing: ENOENT"] = t => Files.UnlinkAt(t._directory, "missing"),
        ["unlinkat file: ENOTDIR"] = t => Files.RmdirAt(t._directory, "file"),
        ["renameat2 file: EEXIST"] = t => Files.RenameAt2(t._directory, "file", t._directory, "file", RenameFlags.NoReplace),
        ["openat2 /: EXDEV"] = t => Files.OpenAt2(t._directory, "/", OpenFlags.Path, ResolveFlags.Beneath).Dispose(),
        ["epoll_ctl {0}/file: EPERM"] = t =>
        {
            using var epoll = new Epoll();
            epoll.Add(t._file, EpollEvents.In, 0);
        },
        ["sendmsg {0}/file: ENOTSOCK"] = t => Sockets.SendDescriptors(t._file, "x"u8, [t._file]),
        ["recvmsg {0}/file: ENOTSOCK"] = t => Sockets.ReceiveDescriptors(t._file, new byte[1], []),
        ["accept4 {0}/file: ENOTSOCK"] = t => Sockets.Accept(t._file)?.Dispose(),
        ["shutdown {0}/file: ENOTSOCK"] = t => Sockets.ShutdownWrite(t._file),
        ["mount_setattr {0}: EINVAL"] = t => Mounts.MountSetAttr(t._directory, MountAttributes.ReadOnly),
    };

    public void Dispose()
    {
        _file.Dispose();
        _directory.Dispose();
        _temporary.Dispose();
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public void Call_ThatFails_NamesItsErrnoAndFile(string message)
    {
        var error = Assert.Throws<LinuxException>(() => s_calls[message](this));

        Assert.StartsWith(message.Replace("{0}", _temporary.Path) + ", ", error.Message);
        Assert.Equal(message.Split(' ')[0], error.Call);
    }

    [Fact]
    public void Call_OnAPipe_NamesThePipe()
    {
        var (read, write) = Pipes.Create();
        using var reader = read;
        using var writer = write;

        Assert.Matches(@"^lseek pipe:\[\d+\]: ESPIPE, ", Assert.Throws<LinuxException>(() => Files.Seek(reader, 0)).Message);
    }

    [Fact]
    public void Call_AfterDispose_IsRefused()
    {
        var file = _file.Duplicate();
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => Files.Read(file, new byte[1]));
    }

    [Fact]
    public void Detach_GivesTheNumberAway()
    {
        var file = _file.Duplicate(minimum: 50);
        Assert.InRange(file.Number, 50, int.MaxValue);
        var number = file.Detach();
        file.Dispose();

        using var again = new FileDescriptor(number);
        Assert.Equal(FileType.Regular, Files.Status(again).Type);
    }

    [Fact]
    public void Dispose_ClosesTheNumber()
    {
        var file = _file.Duplicate(minimum: 700);
        var path = file.ProcPath;
        Assert.True(File.Exists(path));

        file.Dispose();

        Assert.False(File.Exists(path));
    }
}
