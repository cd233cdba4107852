using System.Buffers.Binary;
using System.Text;
using Crisp.Kvm.Boot;
using Crisp.Kvm.Boot.Linux;
using Crisp.Kvm.Memory;
using CsCheck;
using Xunit;

namespace Crisp.Kvm.Tests.Boot.Linux;

public sealed class KernelImageTests : IDisposable
{
    private const int FileSize = 0x3000;
    private readonly GuestMemory _memory = GuestMemory.Create(8 << 20);

    [Fact]
    public void Vmlinux_IsLoadedAtItsPhysicalAddresses()
    {
        var kernel = Load(Elf());

        Assert.Equal((0x20_0010UL, 0x20_2000UL), (kernel.Entry, kernel.End));
        Assert.True(kernel.SetupHeader.IsEmpty);
        Assert.Equal(0x11, _memory.Slice(0x20_0000, 1)[0]);
        Assert.Equal([0x22, 0], _memory.Slice(0x20_0FFF, 2).ToArray());
    }

    [Fact]
    public void BzImage_IsLoadedWhereItPrefers_AndItsHeaderIsKept()
    {
        var kernel = Load(Bz());

        Assert.Equal((0x10_0200UL, 0x30_0000UL), (kernel.Entry, kernel.End));
        Assert.Equal(0x33, _memory.Slice(0x10_0000, 1)[0]);
        Assert.Equal("HdrS", Encoding.ASCII.GetString(kernel.SetupHeader.Span[0x11..0x15]));
        Assert.Equal(0x26C - 0x1F1, kernel.SetupHeader.Length);
    }

    [Theory]
    [InlineData(54, 32, "is no executable ELF file for x86-64.")]
    [InlineData(56, 0, "is no executable ELF file for x86-64.")]
    [InlineData(56, 33, "is no executable ELF file for x86-64.")]
    [InlineData(18, 3, "is no executable ELF file for x86-64.")]
    [InlineData(39, 0xFF, "is no executable ELF file for x86-64.")]
    [InlineData(64 + 15, 0xFF, "is damaged: a segment is not all in the file.")]
    [InlineData(64 + 33, 0xFF, "is damaged: a segment is not all in the file.")]
    [InlineData(64 + 31, 0x80, "needs 8192 bytes at 0x8000000000200000")]
    [InlineData(64 + 26, 0x00, "needs 8192 bytes at 0x0")]
    [InlineData(64 + 43, 0x10, "needs 268443648 bytes at 0x200000")]
    [InlineData(0, 0, "is neither a vmlinux (ELF) nor a bzImage.")]
    public void DamagedVmlinux_IsRefused(int offset, byte value, string sentence)
    {
        var image = Elf();
        image[offset] = value;
        Assert.Contains(sentence, Assert.Throws<ImageLoadException>(() => Load(image)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x206, 0x0B, "has no 64-bit entry point")]
    [InlineData(0x236, 0, "has no 64-bit entry point")]
    [InlineData(0x211, 0, "has no 64-bit entry point")]
    [InlineData(0x1F1, 0xFF, "ends with its setup code.")]
    [InlineData(0x25F, 0xFF, "needs 2097152 bytes at 0xff00000000100000")]
    [InlineData(0x263, 0x70, "needs 1881145344 bytes at 0x100000")]
    public void DamagedBzImage_IsRefused(int offset, byte value, string sentence)
    {
        var image = Bz();
        image[offset] = value;
        Assert.Contains(sentence, Assert.Throws<ImageLoadException>(() => Load(image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnyDamage_IsRefusedOrLoaded_AndNothingElse()
        => Gen.Select(Gen.Bool, Gen.Select(Gen.Int[0, 0x280], Gen.Byte).Array[1, 6]).Sample(
            damage =>
            {
                var image = damage.Item1 ? Elf() : Bz();
                foreach (var (offset, value) in damage.Item2)
                {
                    image[offset] = value;
                }

                Assert.True(BzImage.FindPayload(image) is not var (start, length) || (start > 0 && length <= image.Length - start));
                Assert.True(BzImage.FindRelease(image) is null or { Length: > 0 and < 64 });
                try
                {
                    Load(image);
                }
                catch (ImageLoadException e)
                {
                    Assert.NotEmpty(e.Message);
                }
            },
            iter: 1000,
            threads: 1);

    [Fact]
    public void ZeroPage_TellsWhatTheKernelMustKnow()
    {
        ZeroPage.Write(_memory, Load(Bz()), "console=ttyS0", (0x70_0000, 1234));

        var page = _memory.Slice(0x7000, 4096).ToArray();
        Assert.Equal("HdrS", Encoding.ASCII.GetString(page, 0x202, 4));
        Assert.Equal((0xFF, 0x2_0000U), (page[0x210], BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan(0x228))));
        Assert.Equal((0x70_0000U, 1234U), (BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan(0x218)), BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan(0x21C))));
        Assert.Equal(0xE_0000UL, BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(0x70)));
        Assert.Equal("console=ttyS0\0", Encoding.ASCII.GetString(_memory.Slice(0x2_0000, 14)));
        Assert.Equal(
            [(0UL, 0xA_0000UL, 1U), (0xA_0000UL, 0x6_0000UL, 2U), (0x10_0000UL, 0x70_0000UL, 1U)],
            Enumerable.Range(0, page[0x1E8]).Select(i => page.AsSpan(0x2D0 + 20 * i, 20).ToArray())
                .Select(e => (BinaryPrimitives.ReadUInt64LittleEndian(e), BinaryPrimitives.ReadUInt64LittleEndian(e.AsSpan(8)), BinaryPrimitives.ReadUInt32LittleEndian(e.AsSpan(16)))));
    }

    [Fact]
    public void CommandLine_HasAnEnd()
    {
        var kernel = Load(Bz());
        ZeroPage.Write(_memory, kernel, new string('x', 2047), null);
        Assert.Throws<ImageLoadException>(() => ZeroPage.Write(_memory, kernel, new string('x', 2048), null));
        Assert.Throws<ImageLoadException>(() => ZeroPage.Write(_memory, kernel, "a\0b", null));
    }

    public void Dispose() => _memory.Dispose();

    /// <summary>One segment: a page of the file at 2 MiB, and a page of zeros behind it.</summary>
    internal static byte[] Elf()
    {
        var image = new byte[FileSize];
        byte[] identification = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identification.CopyTo(image, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(16), 2);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(18), 62);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(24), 0x20_0010);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(32), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(54), 56);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(56), 1);
        var segment = image.AsSpan(64);
        BinaryPrimitives.WriteUInt32LittleEndian(segment, 1);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[8..], 0x1000);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], 0x20_0000);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], 0x1000);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], 0x2000);
        (image[0x1000], image[0x1FFF], image[0x2000]) = (0x11, 0x22, 0x99);
        return image;
    }

    /// <summary>One sector of setup code, a header of 0x26C − 0x202 bytes, which prefers 1 MiB and needs 2 MiB there.</summary>
    private static byte[] Bz()
    {
        var image = new byte[FileSize];
        image[0x1F1] = 1;
        (image[0x200], image[0x201]) = (0xEB, 0x6A);
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x206), 0x20F);
        image[0x211] = 1;
        image[0x236] = 1;
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(0x258), 0x10_0000);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x260), 0x20_0000);
        image[0x400] = 0x33;
        return image;
    }

    private LoadedKernel Load(byte[] image)
    {
        using var file = TestGuest.Image(image);
        return KernelImage.Load(_memory, file, "k");
    }
}
