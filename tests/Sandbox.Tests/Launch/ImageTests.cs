using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>Images and mounts that try to lead out of the container's root, and images that lack what others have.</summary>
public sealed class ImageTests : IDisposable
{
    private readonly LaunchFixture _fixture = new(passwd: false);

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Image_WithoutPasswdAndDirectories_Runs()
    {
        Assert.Equal("uid=1234 gid=0 groups=0\n/\n", _fixture.Run(
            Specs.Container("id; echo $HOME").With(p => p with { User = new UserSpec { User = "1234" } })));
    }

    [Theory]
    [InlineData("dev", "/tmp")]
    [InlineData("proc", "/tmp")]
    [InlineData("sys", "/tmp")]
    [InlineData("dev", "../../../../../../../tmp")]
    [InlineData("proc", "/proc")]
    public void KernelsDirectory_ThatIsASymlink_IsRefused(string name, string target)
    {
        File.CreateSymbolicLink(_fixture.Root(name), target);

        var error = Assert.Throws<SandboxException>(() => _fixture.Start(Specs.Container("true")));

        Assert.Contains($"Mount /{name}: openat2 {name}: ", error.Message);
        Assert.Matches("ELOOP|ENOTDIR", error.Message);
    }

    [Theory]
    [InlineData("/../../../../../..{0}")]
    [InlineData("{0}")]
    public void SymlinkOutOfTheImage_LeadsInside(string link)
    {
        var outside = Path.GetDirectoryName(_fixture.Outside("x/file"))!;
        File.WriteAllText(_fixture.Outside("volume/content"), "of the volume");
        File.CreateSymbolicLink(_fixture.Root("data"), string.Format(link, outside));
        var spec = Specs.Container("cat /data/deep/content; pwd -P; ls -d " + outside)
            .Mount(Specs.Bind(_fixture.Outside("volume"), "/data/deep"))
            .With(p => p with { Cwd = "/data/made" });

        Assert.Equal($"of the volume{outside}/made\n{outside}\n", _fixture.Run(spec));
        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Fact]
    public void DanglingSymlink_IsMadeWhereItPoints()
    {
        Directory.CreateDirectory(_fixture.Root("etc"));
        File.CreateSymbolicLink(_fixture.Root("etc/resolv.conf"), "../run/systemd/resolve/stub-resolv.conf");
        File.WriteAllText(_fixture.Outside("resolv.conf"), "nameserver 10.0.0.10\n");
        var spec = Specs.Container("cat /etc/resolv.conf /run/systemd/resolve/stub-resolv.conf")
            .Mount(Specs.Bind(_fixture.Outside("resolv.conf"), "/etc/resolv.conf"));

        Assert.Equal("nameserver 10.0.0.10\nnameserver 10.0.0.10\n", _fixture.Run(spec));
    }

    [Fact]
    public void MountThroughASymlinkIntoProc_DoesNotHideAnyOfIt()
    {
        // One that the image has is refused; one in a volume is seen by the plan alone, which mounts /proc on top of it.
        File.WriteAllText(_fixture.Outside("fake/self/attr/exec"), "");
        Directory.CreateDirectory(_fixture.Root("proc"));
        File.CreateSymbolicLink(_fixture.Root("data"), "/proc");
        File.CreateSymbolicLink(_fixture.Outside("volume/link"), "/proc");
        var spec = Specs.Container("cat /proc/self/comm; ls /proc/self/attr/exec; stat -f -c %T /proc");

        var error = Assert.Throws<SandboxException>(() => _fixture.Start(spec.Mount(Specs.Bind(_fixture.Outside("fake"), "/data/self"))));
        Assert.Equal((RpcCode.InvalidArgument, true), (error.Code, error.Message.Contains("leads into /proc", StringComparison.Ordinal)));
        Assert.Equal("cat\n/proc/self/attr/exec\nproc\n", _fixture.Run(spec.Mount(
            Specs.Bind(Path.GetDirectoryName(_fixture.Outside("volume/link"))!, "/v"), Specs.Bind(_fixture.Outside("fake"), "/v/link"))));
    }

    [Fact]
    public void MountThroughAMagicLinkOfTheNodesProc_IsRefused()
    {
        // A volume that is the node's /proc must not lead to the node's root.
        var spec = Specs.Container("true").Mount(
            Specs.Bind("/proc", "/nodeproc"), Specs.Bind(_fixture.Outside("volume"), "/nodeproc/1/root/tmp"));
        Directory.CreateDirectory(_fixture.Outside("volume"));

        Assert.Matches("Mount /nodeproc/1/root/tmp: .*(ELOOP|EPERM|EACCES)", Assert.Throws<SandboxException>(() => _fixture.Start(spec)).Message);
    }

    [Fact]
    public void Mounts_NestedInTheirOrder_AreAllSeen()
    {
        File.WriteAllText(_fixture.Outside("a/file"), "a\n");
        File.WriteAllText(_fixture.Outside("b/file"), "b\n");
        File.WriteAllText(_fixture.Outside("c"), "c\n");
        var spec = Specs.Container("cat /m/file /m/in/file /m/in/c; touch /m/in/x 2>&1; touch /m/x && echo written").Mount(
            Specs.Bind(_fixture.Outside("a"), "/m"),
            Specs.Bind(_fixture.Outside("b"), "/m/in"),
            Specs.Bind(_fixture.Outside("c"), "/m/in/c"));
        spec = spec with { Mounts = [.. spec.Mounts.Select(m => m.Target == "/m/in" ? m with { Readonly = false } : m)] };

        Assert.Equal("a\nb\nc\nwritten\n", _fixture.Run(spec));
        Assert.True(File.Exists(_fixture.Outside("b/x")));
        Assert.True(Directory.Exists(_fixture.Outside("a/in")));
    }

    [Fact]
    public void Mount_FileOnDirectory_IsRefusedByName()
    {
        File.WriteAllText(_fixture.Outside("file"), "");
        var onDirectory = Specs.Container("true").Mount(Specs.Bind(_fixture.Outside("file"), "/etc"));
        File.WriteAllText(_fixture.Root("plain"), "");
        Directory.CreateDirectory(_fixture.Outside("directory/x"));
        var onFile = Specs.Container("true").Mount(Specs.Bind(_fixture.Outside("directory"), "/plain"));

        Assert.Contains("Mount /etc: move_mount mount of /etc: ", Assert.Throws<SandboxException>(() => _fixture.Start(onDirectory)).Message);
        Assert.Contains("Mount /plain: openat2 plain: ENOTDIR", Assert.Throws<SandboxException>(() => _fixture.Start(onFile)).Message);
    }

    [Fact]
    public void MissingMountPoint_InAReadOnlyVolume_IsRefusedByName()
    {
        Directory.CreateDirectory(_fixture.Outside("volume/x"));
        var spec = Specs.Container("true").Mount(
            Specs.Bind(_fixture.Outside("volume"), "/v") with { Readonly = true }, Specs.Bind(_fixture.Outside("volume"), "/v/new"));

        Assert.Contains("Mount /v/new: mkdirat new: EROFS", Assert.Throws<SandboxException>(() => _fixture.Start(spec)).Message);
    }

    [Theory]
    [InlineData("/a/../../b")]
    [InlineData("/")]
    [InlineData("")]
    public void Target_OfAnotherPlace_IsRefused(string target)
    {
        Directory.CreateDirectory(_fixture.Outside("volume/x"));

        var error = Assert.Throws<SandboxException>(() => _fixture.Start(Specs.Container("true").Mount(Specs.Bind(_fixture.Outside("volume"), target))));

        Assert.Equal(RpcCode.InvalidArgument, error.Code);
    }

    [Fact]
    public void NodesDevices_MountedOnDev_HideTheOwnButForItsTerminals()
    {
        File.WriteAllText(_fixture.Outside("dev/null"), "not the null device");
        Directory.CreateDirectory(_fixture.Outside("dev/pts"));
        var spec = Specs.Container("cat /dev/null; echo; ls /dev/pts; stat -c %t:%T /proc/keys");
        spec = spec with { Mounts = [Specs.Bind(Path.GetDirectoryName(_fixture.Outside("dev/null"))!, "/dev"), .. spec.Mounts] };

        // What is hidden is hidden by the null device of the tmpfs beneath, not by what the mount brought.
        Assert.Equal("not the null device\nptmx\n1:3\n", _fixture.Run(spec));
    }

    [Theory]
    [InlineData("a/b/c", "a/b/c")]
    [InlineData("link/x", "real/x")]
    [InlineData("absolute/x", "real/x")]
    [InlineData("up/x", "x")]
    [InlineData("chain/x/y", "real/x/y")]
    [InlineData("missing/../x", "x")]
    [InlineData("real/inner/x", "elsewhere/x")]
    [InlineData("covered/inner/x", "covered/inner/x")]
    public void Resolve_Symlinks_AreThoseOfTheImage(string path, string expected)
    {
        Directory.CreateDirectory(_fixture.Root("real"));
        Directory.CreateDirectory(_fixture.Root("covered"));
        File.CreateSymbolicLink(_fixture.Root("link"), "real");
        File.CreateSymbolicLink(_fixture.Root("absolute"), "/real");
        File.CreateSymbolicLink(_fixture.Root("up"), "../../..");
        File.CreateSymbolicLink(_fixture.Root("chain"), "/link");
        File.CreateSymbolicLink(_fixture.Root("real/inner"), "../elsewhere");
        File.CreateSymbolicLink(_fixture.Root("covered/inner"), "../elsewhere");
        using var root = Linux.Files.Open(_fixture.Root(""), Linux.OpenFlags.Path | Linux.OpenFlags.Directory);

        Assert.Equal(expected, ImagePath.Resolve(root, path, ["covered"]));
    }

    [Fact]
    public void Resolve_Loop_IsRefused()
    {
        File.CreateSymbolicLink(_fixture.Root("loop"), "loop");
        using var root = Linux.Files.Open(_fixture.Root(""), Linux.OpenFlags.Path | Linux.OpenFlags.Directory);

        Assert.Contains("more than 40 symlinks", Assert.Throws<SandboxException>(() => ImagePath.Resolve(root, "loop/x", [])).Message);
    }
}
