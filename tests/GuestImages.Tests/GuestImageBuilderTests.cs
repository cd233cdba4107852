using Crisp.GuestImages.Tests.Kernels;
using Crisp.GuestImages.Tests.Modules;
using Crisp.Kvm.Tests;
using Crisp.Linux.Tests;
using Xunit;

namespace Crisp.GuestImages.Tests;

public sealed class GuestImageBuilderTests : IDisposable
{
    private const string Release = "6.1.0-test";
    private readonly TemporaryDirectory _directory = new();
    private readonly ModuleDirectory _modules = new();
    private readonly string _image;

    public GuestImageBuilderTests()
    {
        _image = _directory.File("guest");
        File.WriteAllBytes(_directory.File("vmlinux"), KernelFileTests.Vmlinux(Release));
        File.Copy("/bin/ls", _directory.File("init"));
        _modules.Write("modules.builtin", string.Concat(GuestImageOptions.NecessaryModules.Where(m => m is not ("virtiofs" or "virtio_rng")).Select(m => $"kernel/{m}.ko\n")));
        _modules.Write("modules.dep", "kernel/virtiofs.ko: kernel/fuse.ko\nkernel/fuse.ko:\nkernel/virtio-rng.ko:\nkernel/ext4.ko:\n");
        foreach (var name in (string[])["virtiofs", "fuse", "virtio-rng", "ext4"])
        {
            _modules.WriteModule($"kernel/{name}.ko", Release);
        }
    }

    private GuestImageOptions Options => new("1.2.3", _directory.File("init")) { Kernel = _directory.File("vmlinux"), Modules = _modules.Path };

    [Fact]
    public void Image_HasInitLibrariesAndModules()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/cpio") || File.Exists("/bin/cpio"), "needs cpio");
        File.WriteAllText(_directory.File("greeting"), "hello");
        var built = GuestImageBuilder.Build(Options with { MoreModules = ["ext4"], Files = [(_directory.File("greeting"), "/etc/greeting")] }, _image);

        Assert.Equal(["/modules/virtio-rng.ko", "/modules/fuse.ko", "/modules/virtiofs.ko", "/modules/ext4.ko"], built.Manifest.Modules);
        Assert.Equal((Release, "1.2.3"), (built.Manifest.KernelRelease, built.Manifest.CrispVersion));
        Assert.Equal(KernelFileTests.Vmlinux(Release), File.ReadAllBytes(Path.Combine(_image, "kernel")));
        var root = Directory.CreateDirectory(_directory.File("root")).FullName;
        Tool.Run("cpio", root, "-id", "--quiet", "--no-preserve-owner", "-F", Path.Combine(_image, "initramfs"));
        Assert.Equal("/modules/virtio-rng.ko\n/modules/fuse.ko\n/modules/virtiofs.ko\n/modules/ext4.ko\n", File.ReadAllText(Path.Combine(root, "modules/order.txt")));
        Assert.Equal(ModuleDirectory.Module(Release), File.ReadAllBytes(Path.Combine(root, "modules/fuse.ko")));
        Assert.Equal("hello", File.ReadAllText(Path.Combine(root, "etc/greeting")));
        Assert.All((string[])["dev", "proc", "sys", "run", "tmp"], d => Assert.True(Directory.Exists(Path.Combine(root, d)), d));
        Assert.All(built.Libraries, l => Assert.True(File.Exists(root + l), l));
        Assert.Contains("init", Tool.Run("chroot", null, root, "/init", "/"), StringComparison.Ordinal);
    }

    [Fact]
    public void SameNode_MakesTheSameImage()
    {
        GuestImageBuilder.Build(Options, _image);
        var first = Content();
        File.SetLastWriteTimeUtc(_directory.File("init"), DateTime.UnixEpoch);
        GuestImageBuilder.Build(Options, _image);

        Assert.Equal(first, Content());
        Assert.Equal(["initramfs", "kernel", "manifest.json"], Directory.GetFiles(_image).Select(Path.GetFileName).Order());
        Assert.Equal([_image], Directory.GetDirectories(_directory.Path));

        List<string> Content() => [.. Directory.GetFiles(_image).Order().Select(f => GuestImage.Digest(File.ReadAllBytes(f)))];
    }

    [Fact]
    public void FailedBuild_LeavesTheImageBefore()
    {
        GuestImageBuilder.Build(Options, _image);
        File.Delete(_modules.File("kernel/fuse.ko"));

        Assert.Contains("The module", Refusal(Options), StringComparison.Ordinal);
        GuestImage.Open(_image, "1.2.3").Verify();
    }

    [Fact]
    public void BuildThatWasKilled_IsSweptAway()
    {
        Directory.CreateDirectory(_image + ".new");
        File.WriteAllText(Path.Combine(_image + ".new", "kernel"), "half");

        GuestImageBuilder.Build(Options, _image);

        Assert.False(Directory.Exists(_image + ".new"));
        GuestImage.Open(_image, "1.2.3").Verify();
    }

    [Fact]
    public void DirectoryOfSomethingElse_IsNotReplaced()
    {
        Directory.CreateDirectory(_image);
        File.WriteAllText(Path.Combine(_image, "precious"), "");

        Assert.Contains("is no guest image, and not empty.", Refusal(Options), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_image, "precious")));
    }

    [Fact]
    public void WhatIsMissing_IsNamed()
    {
        Assert.Contains("is a development build", Development(), StringComparison.Ordinal);
        Assert.Contains("/nowhere", Refusal(Options with { Init = "/nowhere" }), StringComparison.Ordinal);
        Assert.Contains("no module nothing", Refusal(Options with { MoreModules = ["nothing"] }), StringComparison.Ordinal);
        Assert.Contains("is no path of a file in a guest", Refusal(Options with { Files = [("/bin/ls", "/../ls")] }), StringComparison.Ordinal);
        Assert.Contains("Two different files are to become /init", Refusal(Options with { Files = [("/etc/services", "/init")] }), StringComparison.Ordinal);
        Assert.Contains("/init cannot be a file and a directory", Refusal(Options with { Files = [("/etc/services", "/init/services")] }), StringComparison.Ordinal);

        string Development()
        {
            var dll = _directory.File("init.dll");
            File.WriteAllText(dll, "");
            var refusal = Refusal(Options);
            File.Delete(dll);
            return refusal;
        }
    }

    [Fact]
    public void ImageOfAnotherVersion_OrDamagedOne_IsRefused_WithTheCommand()
    {
        Assert.Equal($"There is no guest image in {_image}. Make it with: crisp vm build", Open("1.2.3"));
        GuestImageBuilder.Build(Options, _image);
        Assert.Equal($"The guest image in {_image} was made by crisp 1.2.3, and this is 1.2.4. Make it with: crisp vm build", Open("1.2.4"));
        var image = GuestImage.Open(_image, "1.2.3");
        image.Verify();

        var kernel = File.ReadAllBytes(image.KernelPath);
        kernel[5] ^= 1;
        File.WriteAllBytes(image.KernelPath, kernel);
        Assert.Contains("its kernel is not the one that was written", Assert.Throws<GuestImageException>(image.Verify).Message, StringComparison.Ordinal);
        File.AppendAllText(image.KernelPath, "x");
        Assert.Contains("its kernel has not the", Open("1.2.3"), StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_image, "manifest.json"), "{}");
        Assert.Contains("manifest.json is damaged", Open("1.2.3"), StringComparison.Ordinal);

        string Open(string version) => Assert.Throws<GuestImageException>(() => GuestImage.Open(_image, version)).Message;
    }

    public void Dispose()
    {
        _modules.Dispose();
        _directory.Dispose();
    }

    private string Refusal(GuestImageOptions options) => Assert.Throws<GuestImageException>(() => GuestImageBuilder.Build(options, _image)).Message;
}
