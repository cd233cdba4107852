using Crisp.GuestImages.Compression;
using Crisp.Kvm.Tests;
using Crisp.Linux.Tests;
using CsCheck;
using Xunit;

namespace Crisp.GuestImages.Tests.Compression;

/// <summary>What other programs compressed, and what nobody did.</summary>
public sealed class DecompressorTests : IDisposable
{
    private const long Limit = 64 << 20;
    private readonly TemporaryDirectory _directory = new();

    /// <summary>The commands of the kernel's build (scripts/Makefile.lib), and those of module packages.</summary>
    public static TheoryData<string, string> Commands => new()
    {
        { "Gzip", "gzip -n -f -9 -c" },
        { "Xz", "xz --check=crc32 --x86 --lzma2=dict=32MiB -c" },
        { "Xz", "xz --check=crc32 --lzma2=dict=1MiB -c" },
        { "Xz", "xz -c" },
        { "Zstd", "zstd -q -10 -c" },
        { "Zstd", "zstd -q -10 --ultra --long=27 -c" },
        { "Lz4Legacy", "lz4 -q -l -9 -c" },
        { "Bzip2", "bzip2 -c" },
        { "Lzma", "xz --format=lzma -c" },
    };

    [Theory]
    [MemberData(nameof(Commands))]
    public void Content_IsWhatWasCompressed(string kind, string command)
    {
        // A program, in which the x86 filter finds calls, and more than one block of lz4.
        var program = File.ReadAllBytes("/usr/bin/dpkg");
        byte[] content = [.. Enumerable.Repeat(program, (9 << 20) / program.Length + 1).SelectMany(b => b), 1, 2, 3];
        var packed = Compress(content, command);

        Assert.Equal(kind, Decompressor.Recognize(packed).ToString());
        Assert.True(Decompressor.Expand(packed, 0, packed.Length, Decompressor.Recognize(packed), Limit).Span.SequenceEqual(content));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void LongContent_IsRefused(string kind, string command)
    {
        var packed = Compress(new byte[100_001], command);

        var error = Assert.Throws<InvalidDataException>(() => Decompressor.Expand(packed, 0, packed.Length, Enum.Parse<CompressionKind>(kind), 100_000));
        Assert.Contains("longer than 100000 bytes", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void AnyDamage_IsRefusedOrExpanded_AndNothingElse(string kind, string command)
    {
        var packed = Compress(File.ReadAllBytes("/etc/services"), command);
        var compression = Enum.Parse<CompressionKind>(kind);
        Gen.Select(Gen.Int[0, packed.Length - 1], Gen.Byte).Array[1, 4].Select(Gen.Int[6, packed.Length]).Sample(
            (damage, length) =>
            {
                var bytes = packed.ToArray();
                foreach (var (offset, value) in damage)
                {
                    bytes[offset] = value;
                }

                try
                {
                    Assert.InRange(Decompressor.Expand(bytes, 0, length, compression, 1 << 20).Length, 0, 1 << 20);
                }
                catch (InvalidDataException e)
                {
                    Assert.NotEmpty(e.Message);
                }
            },
            iter: 300,
            threads: 1);
    }

    [Fact]
    public void UncompressedContent_IsNotRecognized() => Assert.Equal(CompressionKind.None, Decompressor.Recognize("\u007fELF and more"u8));

    public void Dispose() => _directory.Dispose();

    private byte[] Compress(byte[] content, string command)
    {
        var program = command.Split(' ')[0];
        Assert.SkipUnless(File.Exists($"/usr/bin/{program}") || File.Exists($"/bin/{program}"), $"needs {program}");
        File.WriteAllBytes(_directory.File("content"), content);
        Tool.Run("sh", _directory.Path, "-c", $"{command} content > packed");
        return File.ReadAllBytes(_directory.File("packed"));
    }
}
