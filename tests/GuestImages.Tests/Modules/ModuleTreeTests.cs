using Crisp.GuestImages.Modules;
using Xunit;

namespace Crisp.GuestImages.Tests.Modules;

public sealed class ModuleTreeTests : IDisposable
{
    private readonly ModuleDirectory _directory = new();

    [Fact]
    public void Files_ComeAfterTheirDependencies_AndOnce()
    {
        // As depmod writes it: all dependencies, those last that are to be loaded first.
        _directory.Write("modules.dep", "kernel/a/top.ko.xz: kernel/a/middle.ko kernel/b/low-est.ko.gz\nkernel/a/middle.ko: kernel/b/low-est.ko.gz\nkernel/b/low-est.ko.gz:\n");

        Assert.Equal(
            [_directory.File("kernel/b/low-est.ko.gz"), _directory.File("kernel/a/middle.ko"), _directory.File("kernel/a/top.ko.xz")],
            ModuleTree.Open(_directory.Path).FilesInOrder(["top", "low_est", "low-est", "middle"]));
    }

    [Fact]
    public void WhatIsBuiltIn_HasNoFile()
    {
        _directory.Write("modules.dep", "kernel/a/top.ko: kernel/a/core.ko\n");
        _directory.Write("modules.builtin", "kernel/a/core.ko\nkernel/a/virtio-rng.ko\n");

        Assert.Equal([_directory.File("kernel/a/top.ko")], ModuleTree.Open(_directory.Path).FilesInOrder(["virtio_rng", "top"]));
    }

    [Fact]
    public void CircleOfDependencies_Ends()
    {
        _directory.Write("modules.dep", "a.ko: b.ko\nb.ko: a.ko\n");

        Assert.Equal([_directory.File("b.ko"), _directory.File("a.ko")], ModuleTree.Open(_directory.Path).FilesInOrder(["a"]));
    }

    [Fact]
    public void MissingModules_AreNamed()
    {
        _directory.Write("modules.dep", "a.ko: gone.ko\n");

        Assert.StartsWith("The kernel has no module fuse: it is neither in modules.dep", Refusal("fuse"), StringComparison.Ordinal);
        Assert.StartsWith("The kernel has no module gone, which a depends on", Refusal("a"), StringComparison.Ordinal);

        string Refusal(string name) => Assert.Throws<GuestImageException>(() => ModuleTree.Open(_directory.Path).FilesInOrder([name])).Message;
    }

    [Fact]
    public void DirectoryWithoutLists_IsNone()
    {
        File.Delete(_directory.File("modules.dep"));

        Assert.Contains("it has no modules.dep", Assert.Throws<GuestImageException>(() => ModuleTree.Open(_directory.Path)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _directory.Dispose();
}
