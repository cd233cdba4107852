using Crisp.Linux;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

public sealed class UserResolverTests : IDisposable
{
    private const string Passwd = """
        root:x:0:0:root:/root:/bin/sh
        broken
        4242:x:0:0:digits as a name:/root:/bin/sh
        99999999999:x:0:0:too large a number as a name:/root:/bin/sh
        app:x:1000:1001:An app:/home/app:/bin/false
        nohome:x:1002:1002:::
        """;

    private const string Group = """
        root:x:0:
        app:x:1001:
        audio:x:29:other,app
        video:x:44:app,other
        apps:x:45:application
        """;

    private readonly TemporaryDirectory _root = new();

    public UserResolverTests()
    {
        Directory.CreateDirectory(_root.File("etc"));
        File.WriteAllText(_root.File("etc/passwd"), Passwd);
        File.WriteAllText(_root.File("etc/group"), Group);
    }

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("", 0, 0, "/root", "0")]
    [InlineData("root", 0, 0, "/root", "0")]
    [InlineData("app", 1000, 1001, "/home/app", "1001 29 44")]
    [InlineData("1000", 1000, 1001, "/home/app", "1001 29 44")]
    [InlineData("app:video", 1000, 44, "/home/app", "44 29")]
    [InlineData("app:7", 1000, 7, "/home/app", "7 29 44")]
    [InlineData("5000", 5000, 0, "/", "0")]
    [InlineData("5000:5001", 5000, 5001, "/", "5001")]
    [InlineData("nohome", 1002, 1002, "/", "1002")]
    [InlineData("2147483647", int.MaxValue, 0, "/", "0")]
    public void Resolve_ImagesUser_HasIdsAndGroupsOfTheFiles(string user, uint uid, uint gid, string home, string groups)
    {
        var resolved = Resolve(new UserSpec { User = user });

        Assert.Equal((uid, gid, home, groups), (resolved.Uid, resolved.Gid, resolved.Home, string.Join(' ', resolved.Groups)));
    }

    [Fact]
    public void Resolve_DigitsThatAreAName_AreTheNumber()
    {
        Assert.Equal(4242U, Resolve(new UserSpec { User = "4242" }).Uid);
    }

    [Theory]
    [InlineData("99999999999", "above 2147483647")]
    [InlineData("2147483648", "above 2147483647")]
    [InlineData("4294967296", "above 2147483647")]
    [InlineData("app:4294967296", "above 2147483647")]
    [InlineData("nobody", "is not in the container's /etc/passwd")]
    [InlineData("-1", "is not in the container's /etc/passwd")]
    [InlineData("+0", "is not in the container's /etc/passwd")]
    [InlineData("app:wheel", "is not in the container's /etc/group")]
    [InlineData(":app", "not of the form")]
    [InlineData("app:", "not of the form")]
    [InlineData("app:app:app", "not of the form")]
    [InlineData("app\nroot", "not of the form")]
    public void Resolve_BadUser_IsRefusedWithTheReason(string user, string reason)
    {
        var error = Assert.Throws<SandboxException>(() => Resolve(new UserSpec { User = user }));

        Assert.Equal(RpcCode.InvalidArgument, error.Code);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void Resolve_Strict_IgnoresTheImagesGroups()
    {
        var user = new UserSpec { User = "app", Gid = 5, AdditionalGids = [6, 5, 7], MergeImageGroups = false };

        Assert.Equal([5U, 6, 7], Resolve(user).Groups);
    }

    [Fact]
    public void Resolve_Merge_AddsTheRequestsGroupsToTheImages()
    {
        var user = new UserSpec { User = "app", Gid = 5, AdditionalGids = [44, 6] };

        Assert.Equal([5U, 29, 44, 6], Resolve(user).Groups);
    }

    [Fact]
    public void Resolve_NoFiles_IsFineForNumbersOnly()
    {
        File.Delete(_root.File("etc/passwd"));
        File.Delete(_root.File("etc/group"));

        Assert.Equal((1000U, 0U), (Resolve(new UserSpec { User = "1000" }).Uid, Resolve(new UserSpec { User = "1000" }).Gid));
        Assert.Equal(0U, Resolve(new UserSpec()).Uid);
        Assert.Throws<SandboxException>(() => Resolve(new UserSpec { User = "root" }));
    }

    [Fact]
    public void Resolve_SymlinkOutOfTheImage_StaysInside()
    {
        File.Delete(_root.File("etc/passwd"));
        Directory.CreateDirectory(_root.File("store"));
        File.WriteAllText(_root.File("store/passwd"), "inside:x:77:77::/:/bin/sh\n");
        File.CreateSymbolicLink(_root.File("etc/passwd"), "../../../../store/passwd");

        Assert.Equal(77U, Resolve(new UserSpec { User = "inside" }).Uid);
    }

    [Fact]
    public void Resolve_FileThatIsNotRegular_IsRefusedAtOnce()
    {
        File.Delete(_root.File("etc/passwd"));
        using var directory = Files.Open(_root.File("etc"), OpenFlags.Directory);
        Files.MknodAt(directory, "passwd", FileType.Fifo, 0x1FF);

        Assert.Contains("no regular file but a Fifo", Refused());
    }

    [Fact]
    public void Resolve_HugeFile_IsRefusedUnread()
    {
        using (var file = File.OpenWrite(_root.File("etc/passwd")))
        {
            file.SetLength(AccountFile.LargestFile + 1);
        }

        Assert.Contains("has 10485761 bytes", Refused());
    }

    [Fact]
    public void Resolve_EndlessLine_IsRefused()
    {
        File.WriteAllText(_root.File("etc/passwd"), new string('x', AccountFile.LongestLine + 1));

        Assert.Contains("a line in it has more than 65536 bytes", Refused());
    }

    [Fact]
    public void Resolve_LongestLine_IsRead()
    {
        var comment = new string('x', AccountFile.LongestLine - 100);
        File.WriteAllText(_root.File("etc/passwd"), $"first:x:1:1:{comment}:/:/bin/sh\nlast:x:2:2::/last:/bin/sh");

        Assert.Equal(1U, Resolve(new UserSpec { User = "first" }).Uid);
        Assert.Equal("/last", Resolve(new UserSpec { User = "last" }).Home);
    }

    [Fact]
    public void Resolve_MoreGroupsThanAProcessCanHave_AreRefused()
    {
        File.WriteAllLines(_root.File("etc/group"), Enumerable.Range(0, 65600).Select(i => $"g{i}:x:{i}:app"));

        Assert.Contains("more than 65536 groups", Refused());
    }

    private string Refused()
    {
        var error = Assert.Throws<SandboxException>(() => Resolve(new UserSpec { User = "app" }));
        Assert.Equal(RpcCode.InvalidArgument, error.Code);
        return error.Message;
    }

    private ResolvedUser Resolve(UserSpec user)
    {
        using var root = Files.Open(_root.Path, OpenFlags.Path | OpenFlags.Directory);
        return UserResolver.Resolve(root, user);
    }
}
