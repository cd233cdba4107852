using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Crisp.GuestImages.Kernels;
using Crisp.Linux.Tests;
using Xunit;

namespace Crisp.GuestImages.Tests.Kernels;

public sealed class KernelFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Vmlinux_IsTakenAsItIs()
    {
        var kernel = Read([.. Vmlinux("6.1.0-test")]);

        Assert.Equal(("6.1.0-test", "a vmlinux"), (kernel.Release, kernel.Note));
        Assert.Equal(Vmlinux("6.1.0-test"), kernel.Image.ToArray());
    }

    [Fact]
    public void BzImage_BecomesTheVmlinuxInIt()
    {
        var kernel = Read(Bz(Gzip(Vmlinux("6.1.0-inside"))));

        Assert.Equal(("6.1.0-outside", "a vmlinux, taken out of a bzImage (gzip)"), (kernel.Release, kernel.Note));
        Assert.Equal(Vmlinux("6.1.0-inside"), kernel.Image.ToArray());
    }

    [Fact]
    public void PayloadThatCannotBeUnpacked_IsLeftToTheGuest()
    {
        Same(Bz([0x89, (byte)'L', (byte)'Z', (byte)'O', 0, 0, 0, 0, 0, 0]), "it is compressed in a way that crisp does not know");
        Same(Bz(Gzip("no kernel"u8.ToArray())), "its payload (gzip) is no ELF file");
        var damaged = Gzip(Vmlinux("6.1.0-inside"));
        damaged[12] ^= 0xFF;
        Same(Bz(damaged), "its payload (Gzip) could not be unpacked here.");
        var nowhere = Bz(Gzip(Vmlinux("6.1.0-inside")));
        BinaryPrimitives.WriteUInt32LittleEndian(nowhere.AsSpan(0x248), uint.MaxValue);
        Same(nowhere, "its header does not tell where its payload is");

        void Same(byte[] file, string reason)
        {
            var kernel = Read(file);
            Assert.Equal(file, kernel.Image.ToArray());
            Assert.StartsWith($"a bzImage that unpacks itself in the guest: {reason}", kernel.Note, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void WhatIsNoKernel_IsRefused()
    {
        Assert.Contains("is neither a vmlinux (ELF) nor a bzImage.", Refusal(new byte[4096]), StringComparison.Ordinal);
        Assert.Contains("does not have the words \"Linux version\".", Refusal([.. "\u007fELF"u8, .. new byte[4096]]), StringComparison.Ordinal);
        var nameless = Bz(Gzip(Vmlinux("6.1.0")));
        BinaryPrimitives.WriteUInt16LittleEndian(nameless.AsSpan(0x20E), 0);
        Assert.Contains("does not tell the release of its kernel.", Refusal(nameless), StringComparison.Ordinal);
        Assert.Contains("cannot be read", Assert.Throws<GuestImageException>(() => KernelFile.Read(_directory.File("nowhere"))).Message, StringComparison.Ordinal);

        string Refusal(byte[] file) => Assert.Throws<GuestImageException>(() => Read(file)).Message;
    }

    [Theory]
    [InlineData("12-cloud", "lz4")]
    [InlineData("12-generic", "xz")]
    [InlineData("13-cloud", "zstd")]
    [InlineData("13-generic", "zstd")]
    public void KernelOfDebian_IsUnpacked(string name, string compression)
    {
        var directory = Path.Combine(Environment.GetEnvironmentVariable("CRISP_CACHE") ?? "/var/cache/crisp-tests", "kernels", name);
        Assert.SkipUnless(Directory.Exists(directory), $"needs {directory} (tests/vm/kernels.sh fetches it)");
        var modules = Path.GetFileName(Directory.GetDirectories(Path.Combine(directory, "lib/modules")).Single());

        var kernel = KernelFile.Read(Path.Combine(directory, "boot", $"vmlinuz-{modules}"));

        Assert.Equal((modules, $"a vmlinux, taken out of a bzImage ({compression})"), (kernel.Release, kernel.Note));
        Assert.True(kernel.Image.Span.IndexOf(Encoding.ASCII.GetBytes($"Linux version {modules} ")) > 0);
    }

    public void Dispose() => _directory.Dispose();

    internal static byte[] Vmlinux(string release) => [.. "\u007fELF"u8, .. "Linux version %s"u8, 0, .. Encoding.ASCII.GetBytes($"Linux version {release} (gcc)"), 0];

    /// <summary>One sector of setup code with a header, and the payload right behind.</summary>
    private static byte[] Bz(byte[] payload)
    {
        var image = new byte[1024];
        image[0x1F1] = 1;
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x206), 0x20F);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x20E), 0x100);
        Encoding.ASCII.GetBytes("6.1.0-outside (builder) #1").CopyTo(image, 0x300);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x24C), (uint)payload.Length);
        return [.. image, .. payload];
    }

    private static byte[] Gzip(byte[] content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionMode.Compress))
        {
            gzip.Write(content);
        }

        return output.ToArray();
    }

    private KernelFile Read(byte[] file)
    {
        File.WriteAllBytes(_directory.File("kernel"), file);
        return KernelFile.Read(_directory.File("kernel"));
    }
}
