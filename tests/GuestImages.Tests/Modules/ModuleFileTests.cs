using Crisp.GuestImages.Modules;
using Crisp.Kvm.Tests;
using Xunit;

namespace Crisp.GuestImages.Tests.Modules;

public sealed class ModuleFileTests : IDisposable
{
    private readonly ModuleDirectory _directory = new();

    [Theory]
    [InlineData("xz", ".xz")]
    [InlineData("gzip", ".gz")]
    [InlineData("zstd -q --rm", ".zst")]
    [InlineData("true", "")]
    public void Module_IsUnpacked_AndKeepsItsName(string command, string ending)
    {
        Assert.SkipUnless(File.Exists($"/usr/bin/{command.Split(' ')[0]}") || ending is ".gz" or "", $"needs {command}");
        _directory.WriteModule("kernel/virtio-rng.ko", "6.1.0");
        Tool.Run("sh", _directory.Path, "-c", $"{command} kernel/virtio-rng.ko");

        var module = ModuleFile.Read(_directory.File($"kernel/virtio-rng.ko{ending}"), "6.1.0");

        Assert.Equal("virtio-rng.ko", module.FileName);
        Assert.Equal(ModuleDirectory.Module("6.1.0"), module.Content.ToArray());
    }

    [Fact]
    public void ModuleOfAnotherKernel_AndDamagedOne_AreRefused()
    {
        _directory.WriteModule("a.ko", "6.1.0");
        _directory.Write("b.ko", "no module");
        File.WriteAllBytes(_directory.File("c.ko.xz"), [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, 1, 2, 3]);

        Assert.Contains("is for the kernel 6.1.0, not for 6.1.1.", Refusal("a.ko"), StringComparison.Ordinal);
        Assert.Contains("does not tell for which kernel it is.", Refusal("b.ko"), StringComparison.Ordinal);
        Assert.Contains("(Xz) cannot be unpacked.", Refusal("c.ko.xz"), StringComparison.Ordinal);

        string Refusal(string name) => Assert.Throws<GuestImageException>(() => ModuleFile.Read(_directory.File(name), "6.1.1")).Message;
    }

    public void Dispose() => _directory.Dispose();
}
