using System.Runtime.CompilerServices;
using Crisp.Images.Tests.Builders;
using Crisp.Linux;
using Xunit;

namespace Crisp.Images.Tests.Import;

/// <summary>Archives that skopeo writes, and trees that umoci makes of the same images.</summary>
public sealed class RealToolsTests : IDisposable
{
    private static readonly long _start = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    private readonly TemporaryDirectory _directory = new();
    private readonly TestStore _store = new();

    public RealToolsTests()
    {
        Root.Required();
        Tool.Required("skopeo", "umoci");
    }

    public void Dispose()
    {
        _store.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("oci-archive", "localhost/crisp/real:1")]
    [InlineData("docker-archive", "localhost/crisp/real:1")]
    [InlineData("oci", "")]
    public async Task EveryFormOfSkopeo_GivesTheTreeOfUmoci(string form, string name)
    {
        var layout = RealImage();
        var expected = Unpacked(layout);
        var path = _directory.File("out");
        Skopeo("copy", "-q", $"oci:{layout}:real", $"{form}:{path}:{(name.Length > 0 ? name : "tag")}");
        var image = Assert.Single(await ImageImport.RunAsync(_store.Store, path, name.Length > 0 ? null : "localhost/crisp/real:1", null, CancellationToken.None));
        Assert.Equal(["localhost/crisp/real:1"], image.RepoTags);
        AssertSame(expected, TreeView.Of(image));
    }

    [Fact]
    public async Task OneImageInTwoForms_IsOneImageWithTheSameLayers()
    {
        var layout = RealImage();
        Skopeo("copy", "-q", $"oci:{layout}:real", $"docker-archive:{_directory.File("docker.tar")}:localhost/a:1");
        Skopeo("copy", "-q", $"docker-archive:{_directory.File("docker.tar")}", $"oci-archive:{_directory.File("oci.tar")}:localhost/b:1");
        var docker = await ImageImport.RunAsync(_store.Store, _directory.File("docker.tar"), null, null, CancellationToken.None);
        var layers = _store.Layers;
        var oci = await ImageImport.RunAsync(_store.Store, _directory.File("oci.tar"), null, null, CancellationToken.None);
        Assert.Equal(layers, _store.Layers);
        Assert.Equal(docker[0].Layers, oci[0].Layers);
    }

    [Fact]
    public async Task SeveralImagesInADockerArchive_AllCome()
    {
        var layout = RealImage();
        var archive = _directory.File("several.tar");
        Skopeo("copy", "-q", $"oci:{layout}:real", $"docker-archive:{archive}:localhost/a:1", "--additional-tag", "localhost/b:2");
        Assert.Equal(
            ["localhost/a:1", "localhost/b:2"],
            (await ImageImport.RunAsync(_store.Store, archive, null, null, CancellationToken.None)).SelectMany(i => i.RepoTags));
    }

    [Fact]
    public async Task DebiansFiles_GiveTheTreeOfUmoci()
    {
        const string Packages = "/var/cache/crisp-tests/debs";
        Assert.SkipUnless(
            Directory.Exists(Packages) && Directory.GetFiles(Packages, "*.deb").Length > 10, "tests/images/debian.sh has not fetched its packages here.");
        var archive = _directory.File("debian.tar");
        Tool.Run(Path.Combine(Checkout(), "tests", "images", "debian.sh"), archive, "localhost/crisp/debian:12");
        Skopeo("copy", "-q", $"oci-archive:{archive}", $"oci:{_directory.File("layout")}:real");
        var image = Assert.Single(await ImageImport.RunAsync(_store.Store, archive, null, null, CancellationToken.None));
        AssertSame(Unpacked(_directory.File("layout")), TreeView.Of(image));
        Assert.Equal(1, _store.Layers.Count(name => name.StartsWith("chain-", StringComparison.Ordinal)));
    }

    public static TheoryData<string> Cases => [.. HandMade().Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task HandMadeLayers_GiveTheTreeOfUmoci(string name)
    {
        var layout = new LayoutBuilder(_directory.File("layout"));
        layout.Add(layout.Image(HandMade()[name]), "real");
        var image = Assert.Single(await ImageImport.RunAsync(_store.Store, layout.Path, "localhost/made:1", null, CancellationToken.None));
        AssertSame(Unpacked(layout.Path), TreeView.Of(image));
    }

    private static Dictionary<string, byte[][]> HandMade() => new()
    {
        ["parents of below"] =
        [
            new TarBuilder { Owner = (3, 4) }.Directory("tmp", 0x3FF).Directory("a", 0x1C9).Directory("a/b", 0x1C1).ToArray(),
            new TarBuilder().File("tmp/x").File("a/b/c").ToArray(),
        ],
        ["symlink below"] =
        [
            new TarBuilder().Directory("usr").Directory("usr/lib", 0x1E8).Symlink("lib", "usr/lib").Symlink("lib64", "/usr/lib").ToArray(),
            new TarBuilder().File("lib/x").File("lib64/y").Directory("lib/d").File("lib/d/z").ToArray(),
        ],
        ["directory over symlink"] =
        [
            new TarBuilder().Directory("usr").Directory("usr/lib").File("usr/lib/x").Symlink("lib", "usr/lib").ToArray(),
            new TarBuilder().Directory("lib", 0x1C0).File("lib/y").ToArray(),
        ],
        ["whiteouts"] =
        [
            new TarBuilder().Directory("d").File("d/a").File("d/b").Directory("d/e").File("d/e/f").Symlink("s", "d").File("g").ToArray(),
            new TarBuilder().Directory("d").Whiteout("d/a").Whiteout("d/e").Whiteout("s").Whiteout("g").ToArray(),
            new TarBuilder().Directory("d").Directory("d/e").File("d/e/new").File("g", "again").ToArray(),
        ],
        ["opaque"] =
        [
            new TarBuilder().Directory("d").File("d/a").Directory("d/e").File("d/e/f").ToArray(),
            new TarBuilder().Directory("d", 0x1C0).Opaque("d").File("d/b").Directory("d/e").ToArray(),
        ],
        ["replacements"] =
        [
            new TarBuilder().Directory("a").File("a/x").File("b").Symlink("c", "a").Fifo("e").ToArray(),
            new TarBuilder().File("a").Directory("b").File("b/x").Directory("c").File("c/x").Symlink("e", "a").ToArray(),
        ],
        ["links"] =
        [
            new TarBuilder { Owner = (1, 2) }.File("a", "1", 0x9ED).HardLink("b", "a").Symlink("s", "a").HardLink("t", "s").ToArray(),
            new TarBuilder().File("b", "22").File("c").HardLink("d", "c").ToArray(),
        ],
        ["nodes and modes"] =
        [
            new TarBuilder { Owner = (1000, 65534) }.Device("null", '3', 1, 3, 0x1B6).Device("loop", '4', 7, 0).Fifo("f", 0x1FF)
                .File("u", "", 0x9ED).File("g", "", 0x5ED).Directory("t", 0x3FF).File("none", "", 0).ToArray(),
        ],
        ["names"] =
        [
            new TarBuilder().Directory("./", 0x1E8).File("./a").File("/b").Directory(new string('l', 200)).File($"{new string('l', 200)}/{new string('m', 200)}")
                .Symlink("long", new string('t', 300)).File("ünïcode ☃").ToArray(),
        ],
    };

    // A real root filesystem, changed and repacked: three layers with everything that a filesystem can have.
    private string RealImage()
    {
        var (layout, bundle) = (_directory.File("layout"), _directory.File("bundle"));
        Tool.Run("umoci", "init", "--layout", layout);
        Tool.Run("umoci", "new", "--image", $"{layout}:real");
        Repack(layout, bundle, """
            mkdir -p usr/bin usr/lib/deep/er tmp etc dev home/user var/empty
            chmod 1777 tmp; chmod 700 var/empty; chown -R 1000:1000 home/user; chmod 2770 home/user
            cp /bin/true usr/bin/su; chmod 4755 usr/bin/su; ln usr/bin/su usr/bin/sudo
            cp /bin/true usr/bin/ping
            ln -s usr/bin bin; ln -s /usr/lib lib; ln -s nowhere dangling
            echo root:x:0:0::/: > etc/passwd
            mknod dev/null c 1 3; mknod dev/fifo p; mknod dev/disk b 8 1
            echo one > usr/lib/deep/er/one; echo two > usr/lib/deep/two; echo three > usr/lib/three
            touch -d @1000000000 etc/passwd usr/lib/three
            """, SetXattrs);
        Repack(layout, bundle, """
            rm usr/lib/deep/two; rm -r usr/lib/deep/er; echo changed > etc/passwd
            rm bin; mkdir bin; echo now a directory > bin/file
            chmod 755 home/user; ln usr/lib/three usr/lib/third
            """);
        Repack(layout, bundle, """
            rm -r usr/lib/deep; mkdir usr/lib/deep; echo new > usr/lib/deep/new
            rm dangling; echo a file > dangling; chown 5:6 tmp
            """);
        return layout;
    }

    private static string Checkout([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", ".."));

    private static void SetXattrs(string rootfs)
    {
        // VFS_CAP_REVISION_2, effective, cap_net_raw permitted (linux/capability.h).
        byte[] capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        using var ping = Files.Open($"{rootfs}/usr/bin/ping", OpenFlags.ReadOnly);
        Files.SetXattr(ping, "security.capability", capability);
        using var passwd = Files.Open($"{rootfs}/etc/passwd", OpenFlags.ReadOnly);
        Files.SetXattr(passwd, "user.note", "a note"u8);
    }

    private static void Repack(string layout, string bundle, string script, Action<string>? change = null)
    {
        if (Directory.Exists(bundle))
        {
            Directory.Delete(bundle, recursive: true);
        }

        Tool.Run("umoci", "unpack", "--image", $"{layout}:real", bundle);
        Tool.Run("sh", "-ec", $"cd {bundle}/rootfs\n{script}");
        change?.Invoke($"{bundle}/rootfs");
        Tool.Run("umoci", "repack", "--image", $"{layout}:real", bundle);
    }

    private TreeView Unpacked(string layout)
    {
        var bundle = _directory.File("reference");
        Tool.Run("umoci", "unpack", "--image", $"{layout}:real", bundle);
        return TreeView.Of(Path.Combine(bundle, "rootfs"));
    }

    // Nobody but the layers' own tools is asked about the policy of signatures.
    private static void Skopeo(params string[] arguments) => Tool.Run("skopeo", ["--insecure-policy", .. arguments]);

    private static void AssertSame(TreeView expected, TreeView actual)
    {
        var different = expected.Lines.Keys.Union(actual.Lines.Keys).Order(StringComparer.Ordinal)
            .Where(path => Timeless(expected, path) != Timeless(actual, path))
            .Select(path => $"{path}\n  umoci: {expected.Lines.GetValueOrDefault(path)}\n  crisp: {actual.Lines.GetValueOrDefault(path)}");
        var list = string.Join("\n", different);
        Assert.True(list.Length == 0, list);
    }

    // Directories that no layer has an entry for are as old as their unpacking; everything else has a time in the image.
    private static string? Timeless(TreeView tree, string path)
    {
        if (tree.Lines.GetValueOrDefault(path) is not { } line || !line.StartsWith("Directory 755 0:0", StringComparison.Ordinal))
        {
            return tree.Lines.GetValueOrDefault(path);
        }

        var at = line.LastIndexOf('@');
        return at >= 0 && long.Parse(line.AsSpan(at + 1)) >= _start ? line[..at] : line;
    }
}
